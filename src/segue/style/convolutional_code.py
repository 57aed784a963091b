"""A convolutional code of rate 1/4, and the decoder that finds the likeliest message in what is left of it.

Constraint length 9, generators 463, 535, 733 and 745 (octal), free distance 24: the strongest code of its length
and rate (K. J. Larsen, "Short convolutional codes with maximal free distance", IEEE Trans. Inform. Theory 19,
1973). A message of a few dozen bits is too short for the codes that come closer to the channel's limit (LDPC, turbo),
and a block code such as BCH would need hard decisions, which cost 2 dB. The decoder is Viterbi's, over 256 states.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

GENERATORS = (0o463, 0o535, 0o733, 0o745)
RATE = len(GENERATORS)  # coded bits for each bit of the message
MEMORY = 8  # bits of the past that the encoder sees; as many zeros close the message
STATES = 1 << MEMORY

_REGISTERS = np.arange(2 * STATES)  # the newest bit is the highest; shifted right, a register is the next state
_PARITY = np.array([[(register & one).bit_count() & 1 for one in GENERATORS] for register in _REGISTERS.tolist()])
_SIGNS = 1.0 - 2.0 * _PARITY


def coded_length(bits: int) -> int:
    """How many coded bits a message of `bits` bits becomes."""
    return (bits + MEMORY) * RATE


def encode(message: UInt8[np.ndarray, " bits"]) -> UInt8[np.ndarray, " coded"]:
    """The coded bits of a message of bits."""
    register, coded = 0, []
    for bit in (*message.tolist(), *(0,) * MEMORY):
        register = bit << MEMORY | register >> 1
        coded.append(_PARITY[register])
    return np.concatenate(coded).astype(np.uint8)


def decode(evidence: Float[np.ndarray, " coded"]) -> UInt8[np.ndarray, " bits"]:
    """The likeliest message.

    Args:
        evidence: for each coded bit how likely it is a 0 rather than a 1, as a logarithm of odds, in any unit; 0 says
            nothing.
    """
    score = np.full(STATES, -np.inf)
    score[0] = 0.0
    choices = []
    for step in evidence.reshape(-1, RATE):
        ways = (score[_REGISTERS & (STATES - 1)] + _SIGNS @ step).reshape(STATES, 2)
        choices.append(ways.argmax(1))
        score = ways.max(1)
    return _traced_back(choices)


def _traced_back(choices: list[NDArray[np.intp]]) -> UInt8[np.ndarray, " bits"]:
    """Follow the winning ways from the last state, which is 0, to the first; the zeros at the end are left out."""
    state, bits = 0, []
    for choice in reversed(choices):
        register = 2 * state + int(choice[state])
        bits.append(register >> MEMORY)
        state = register & (STATES - 1)
    return np.array(bits[::-1][:-MEMORY], np.uint8)
