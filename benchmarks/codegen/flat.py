"""Cost per point from 10⁴ to 10⁸ points, and the memory it takes: Kerr's Kretschmann scalar, streamed.

python benchmarks/codegen/flat.py [--most 8] [--block 65536]
"""

import argparse
import resource
import time

import jax

from geomflow.batch import Lattice, device_mesh, mean, stream
from geomflow.codegen.generated import generate
from geomflow.metrics import SPACES

jax.config.update("jax_enable_x64", True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=8, help="largest power of ten")
    parser.add_argument("--block", type=int, default=65536)
    asked = parser.parse_args()
    kretschmann = generate(SPACES["kerr"].metric, "kretschmann", form="jets", derivatives=False).components
    print(f"{len(device_mesh().devices.flat)} device(s), block {asked.block}")
    print("| points | wall ns per point | CPU ns per point | peak GB |\n| --- | --- | --- | --- |")
    for power in range(4, asked.most + 1):
        half = 10 ** (power // 2)
        source = Lattice((0, 3, 0.1, 0), (1, 9, 3.0, 1), (1, half, 10**power // half, 1))
        best = []
        for _ in range(2 if power < 8 else 1):  # the first compiles
            wall, cpu = time.perf_counter(), time.process_time()
            stream(kretschmann, source, reduce=mean, block=asked.block, parameters={"M": 1.0, "a": 0.6})
            best = [time.perf_counter() - wall, time.process_time() - cpu]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"| 1e{power} | {best[0] / 10**power * 1e9:.1f} | {best[1] / 10**power * 1e9:.1f} | {memory:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
