"""Writes the small files that the readers' tests open, with the libraries that define the formats.

Run with a Python that has numpy and safetensors: python make_files.py
"""

import numpy as np
from numpy.lib import format as npy
from safetensors.numpy import save_file

values = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
integers = np.array([-3, 0, 2**31 - 1], np.int64)

np.savez("stored.npz", values=values, integers=integers)
np.savez_compressed("deflated.npz", values=values, integers=integers, zeros=np.zeros((100, 30)))
for major in (1, 2, 3):
    with open(f"version{major}.npy", "wb") as file:
        npy.write_array(file, values, version=(major, 0))
np.save("scalar.npy", np.float64(2.5))
np.save("fortran.npy", np.asfortranarray(values))
np.save("big_endian.npy", values.astype(">f4"))
save_file(
    {"h.0.weight": values, "wpe": np.arange(3, dtype=np.float16), "ids": integers},
    "library.safetensors",
    metadata={"format": "pt", "made by": "safetensors"},
)
