"""Runs the probe kernels, one for each instruction that the emulator models, on whatever device the CUDA
libraries reach. Standard library only; a program of its own, so that a crash is its alone.

  probes.py FOLDER --record OUT      FOLDER holds probes.txt, the kernels and gptc_device.h. Writes the
                                     words that each gives to OUT/NAME.txt, prints one JSON object

Each is compared with FOLDER/golden/NAME.txt, a GPU's words, or else with FOLDER/emulator/NAME.txt.
"""

import argparse
import ctypes
import json
import os
import struct
import sys
from pathlib import Path


class Failure(Exception):
    pass


def open_library(plain, names):
    """The same rule as the runtime's: one folder alone if GPTC_CUDA_LIBRARIES names it."""
    folder = os.environ.get("GPTC_CUDA_LIBRARIES")
    problems = []
    for name in [os.path.join(folder, plain)] if folder else [*names, "/usr/local/cuda/lib64/" + plain]:
        try:
            return ctypes.CDLL(name)
        except OSError as problem:
            problems.append(str(problem))
    raise Failure(problems[0])


def check(status, what):
    if status != 0:
        raise Failure(f"{what} failed with {status}")


class Device:
    def __init__(self):
        self.cuda = open_library("libcuda.so", ["libcuda.so.1"])
        self.nvrtc = open_library("libnvrtc.so", ["libnvrtc.so.13", "libnvrtc.so.12"])
        check(self.cuda.cuInit(0), "cuInit")
        device, self.context, self.stream = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        check(self.cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
        name = ctypes.create_string_buffer(256)
        check(self.cuda.cuDeviceGetName(name, 256, device), "cuDeviceGetName")
        self.name = name.value.decode()
        self.driver = self.number(self.cuda.cuDriverGetVersion)
        major, minor = (self.number(self.cuda.cuDeviceGetAttribute, a, device) for a in (75, 76))
        # From sm_90 on, what belongs to one architecture alone has a name of its own.
        self.architecture = f"sm_{major}{minor}" + ("a" if major >= 9 else "")
        major, minor = ctypes.c_int(), ctypes.c_int()
        check(self.nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
        self.compiler = f"{major.value}.{minor.value}"
        check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(self.context), device), "cuDevicePrimaryCtxRetain")
        check(self.cuda.cuCtxSetCurrent(self.context), "cuCtxSetCurrent")
        check(self.cuda.cuStreamCreate(ctypes.byref(self.stream), 1), "cuStreamCreate")

    @staticmethod
    def number(function, *arguments):
        value = ctypes.c_int()
        check(function(ctypes.byref(value), *arguments), function.__name__)
        return value.value

    def compile(self, source, header):
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        headers, names = (ctypes.c_char_p * 1)(header), (ctypes.c_char_p * 1)(b"gptc_device.h")
        check(self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"probe.cu", 1, headers, names),
              "nvrtcCreateProgram")
        options = [f"--gpu-architecture={self.architecture}".encode(), b"-std=c++17"]
        if self.nvrtc.nvrtcCompileProgram(program, 2, (ctypes.c_char_p * 2)(*options)) != 0:
            check(self.nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)), "nvrtcGetProgramLogSize")
            log = ctypes.create_string_buffer(size.value)
            check(self.nvrtc.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog")
            raise Failure("it does not compile: " + log.value.decode(errors="replace"))
        check(self.nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)), "nvrtcGetCUBINSize")
        cubin = ctypes.create_string_buffer(size.value)
        check(self.nvrtc.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN")
        check(self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program)), "nvrtcDestroyProgram")
        return cubin

    def allocate(self, size):
        address = ctypes.c_uint64()
        check(self.cuda.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(size)), "cuMemAlloc")
        return address

    def run(self, cubin, name, threads, words_in, count):
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        check(self.cuda.cuModuleLoadData(ctypes.byref(module), cubin), "cuModuleLoadData")
        check(self.cuda.cuModuleGetFunction(ctypes.byref(function), module, name.encode()), "cuModuleGetFunction")
        data, result = struct.pack(f"<{len(words_in)}I", *words_in), ctypes.create_string_buffer(4 * count)
        source, target = self.allocate(len(data)), self.allocate(4 * count)
        check(self.cuda.cuMemcpyHtoDAsync_v2(source, data, ctypes.c_size_t(len(data)), self.stream),
              "cuMemcpyHtoDAsync")
        parameters = (ctypes.c_void_p * 2)(*(ctypes.cast(ctypes.pointer(a), ctypes.c_void_p)
                                             for a in (source, target)))
        check(self.cuda.cuLaunchKernel(function, 1, 1, 1, threads, 1, 1, 0, self.stream, parameters, None),
              "cuLaunchKernel")
        check(self.cuda.cuMemcpyDtoHAsync_v2(result, target, ctypes.c_size_t(4 * count), self.stream),
              "cuMemcpyDtoHAsync")
        check(self.cuda.cuStreamSynchronize(self.stream), "cuStreamSynchronize")
        for address in (source, target):
            check(self.cuda.cuMemFree_v2(address), "cuMemFree")
        return list(struct.unpack(f"<{count}I", result.raw))


def input_words():
    """What every probe reads: 4096 words of a linear congruential generator."""
    words, state = [], 1
    for _ in range(4096):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        words.append(state)
    return words


def as_float(word):
    return struct.unpack("<f", struct.pack("<I", word))[0]


def difference(found, expected, tolerance):
    """What is wrong, or nothing. Without a tolerance all bits must agree."""
    if len(found) != len(expected):
        return f"{len(found)} words, expected {len(expected)}"
    wrong = [i for i, (a, b) in enumerate(zip(found, expected)) if a != b]
    if tolerance:
        wrong = [i for i in wrong if not abs(as_float(found[i]) - as_float(expected[i]))
                 <= tolerance * max(1.0, abs(as_float(expected[i])))]
    if not wrong:
        return ""
    first = wrong[0]
    return f"{len(wrong)} words differ: word {first} is {found[first]:08x}, expected {expected[first]:08x}"


def read_words(path):
    return [int(word, 16) for word in path.read_text().split()]


def run(folder, record):
    device, header, results = Device(), (folder / "gptc_device.h").read_bytes(), {}
    record.mkdir(parents=True, exist_ok=True)
    for line in (folder / "probes.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, threads, count, tolerance = line.split()
        try:
            cubin = device.compile((folder / f"{name}.cu").read_bytes(), header)
            words = device.run(cubin, name, int(threads), input_words(), int(count))
        except Failure as problem:
            results[name] = {"problem": str(problem), "beside": ""}
            continue
        rows = [words[i:i + 8] for i in range(0, len(words), 8)]
        text = "".join(" ".join(f"{word:08x}" for word in row) + "\n" for row in rows)
        (record / f"{name}.txt").write_text(text)
        known = [k for k in ("golden", "emulator") if (folder / k / f"{name}.txt").exists()]
        problem = difference(words, read_words(folder / known[0] / f"{name}.txt"), float(tolerance)) if known else ""
        results[name] = {"problem": problem, "beside": known[0] if known else ""}
    return {"device": device.name, "driver": device.driver, "nvrtc": device.compiler,
            "architecture": device.architecture, "probes": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args()
    try:
        print(json.dumps(run(options.folder, options.record)))
    except (Failure, OSError) as problem:
        sys.exit(f"probes: {problem}")


if __name__ == "__main__":
    main()
