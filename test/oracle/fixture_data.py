"""Small data sets for the training fixtures, and the order in which they are read.

All of it is drawn from numpy's RandomState, whose stream is frozen, so the files come out the same
byte for byte under any numpy.
"""

import numpy as np


def markov_tokens(random, vocab, count):
    """A stream that can be learnt: each token has four likely successors."""
    successors = random.randint(0, vocab, (vocab, 4))
    tokens = [int(random.randint(vocab))]
    for _ in range(count - 1):
        likely = random.uniform() < 0.9
        tokens.append(
            int(successors[tokens[-1], random.randint(4)] if likely else random.randint(vocab))
        )
    return np.array(tokens, np.uint16)


def character_windows(random, rows):
    """Overlapping windows of invented names, as in makemore: tokens [rows, 3] and the token after
    each of them, targets [rows, 3]. Token 0 ends a name and pads its start."""
    successors = random.randint(1, 27, (27, 3))
    tokens, targets = [], []
    while len(tokens) < rows:
        letters = [0, 0, 0]
        for _ in range(random.randint(3, 9)):
            letters.append(int(successors[letters[-1], random.randint(3)]))
        letters.append(0)
        for i in range(len(letters) - 3):
            tokens.append(letters[i : i + 3])
            targets.append(letters[i + 1 : i + 4])
    order = random.permutation(rows)
    return {
        "tokens": np.array(tokens[:rows], np.int64)[order],
        "targets": np.array(targets[:rows], np.int64)[order],
    }


def moons(random, rows):
    """Two half circles with noise: x [rows, 2], label [rows] in {-1, 1}."""
    angle = random.uniform(0, np.pi, rows)
    upper = np.arange(rows) % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], 1) + 0.1 * random.standard_normal((rows, 2))
    order = random.permutation(rows)
    return {
        "x": points.astype(np.float32)[order],
        "label": np.where(upper, 1, -1).astype(np.float32)[order],
    }


def stream_batches(tokens, batch, time):
    """Endless micro-batches in order: batch * time + 1 tokens are read, the position advances by
    batch * time, and goes back to 0 as soon as the next micro-batch would not fit."""
    position, advance = 0, batch * time
    while True:
        window = tokens[position : position + advance + 1].astype(np.int64)
        yield {
            "tokens": window[:-1].reshape(batch, time),
            "targets": window[1:].reshape(batch, time),
        }
        position += advance
        if position + advance + 1 > len(tokens):
            position = 0


def array_batches(arrays, batch):
    """Endless micro-batches in order: batch rows of every array, and back to row 0 as soon as fewer
    than batch rows are left."""
    rows, position = len(next(iter(arrays.values()))), 0
    while True:
        yield {name: array[position : position + batch] for name, array in arrays.items()}
        position += batch
        if position + batch > rows:
            position = 0
