"""Parts of a region are kept by the seeds they hold."""

import numpy as np

from mattecli.matting.parts import parts_holding

REGION = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 0, 1]], bool)


def test_a_part_that_holds_a_seed_is_kept() -> None:
    seeds = np.zeros_like(REGION)
    seeds[0, 0] = seeds[0, 2] = True  # the second lies in no part
    assert np.array_equal(parts_holding(seeds, REGION), REGION & (np.arange(5) < 2) & (np.arange(3) < 2)[:, None])
    assert parts_holding(seeds, REGION, connectivity=8)[2, 2]


def test_a_part_with_few_of_the_seeds_is_removed() -> None:
    assert parts_holding(REGION, REGION, least_share=0.25).sum() == 7
    assert parts_holding(REGION, REGION, least_share=0.5).sum() == 4


def test_an_empty_mask_has_no_parts() -> None:
    assert not parts_holding(REGION, np.zeros_like(REGION)).any()
