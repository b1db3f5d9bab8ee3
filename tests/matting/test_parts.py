"""Parts of a region: what is measured of them, and which are kept by the seeds they hold."""

import numpy as np

from mattecli.matting.parts import connected_parts, parts_holding

REGION = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 0, 1]], bool)


def test_each_part_has_its_area_first_column_and_centre() -> None:
    parts = connected_parts(REGION)
    measured = {(int(area), int(left), *centre) for area, left, centre in zip(parts.areas, parts.lefts, parts.centres, strict=True)}
    assert measured == {(4, 0, 0.5, 0.5), (1, 4, 4.0, 0.0), (1, 2, 2.0, 2.0), (1, 4, 4.0, 2.0)}
    assert np.array_equal(parts.union(parts.areas == 4), REGION & (np.arange(5) < 2) & (np.arange(3) < 2)[:, None])
    assert parts.labels[1, 1] != 0 and parts.labels[2, 0] == 0


def test_without_a_region_there_are_no_parts() -> None:
    parts = connected_parts(np.zeros_like(REGION))
    assert len(parts.areas) == len(parts.centres) == 0 and not parts.union(parts.areas > 0).any()


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
