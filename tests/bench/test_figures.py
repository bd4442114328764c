# SPDX-License-Identifier: BSD-2-Clause
"""What figures.py compares, and what it leaves out."""
import unittest

import figures


def turn(name, rate, distance=80, steady=True, disturbed=False):
    return {"name": name, "rate": rate, "distance": distance, "steady": steady, "disturbed": disturbed}


class Figures(unittest.TestCase):
    def test_ratios_are_of_one_distance(self):
        rounds = [[turn("limit", 100), turn("own", 50)],
                  [turn("limit", 40, 400), turn("own", 30, 410)],
                  [turn("limit", 40, 400), turn("own", 50, 80)]]  # would be 1.25
        result = figures.summary(rounds)
        near, far = result["places"]
        self.assertEqual(near["rows"]["own"]["ratio"], {"median": 0.5, "min": 0.5, "max": 0.5, "count": 1})
        self.assertEqual(far["rows"]["own"]["ratio"]["median"], 0.75)
        self.assertEqual(far["rows"]["own"]["ratio"]["count"], 1)
        self.assertEqual(result["ratio"]["own"]["count"], 2)

    def test_turns_that_are_not_steady_do_not_count(self):
        rounds = [[turn("limit", 100), turn("own", 50)],
                  [turn("limit", 10, steady=False), turn("own", 50)],
                  [turn("limit", 100), turn("own", 1, steady=False, disturbed=True)]]
        result = figures.summary(rounds)
        self.assertEqual((result["left_out"], result["disturbed"], result["taken"]), (2, 1, 6))
        rows = result["places"][0]["rows"]
        self.assertEqual(rows["limit"]["rate"]["min"], 100)
        self.assertEqual(rows["own"]["rate"], {"median": 50, "min": 50, "max": 50, "count": 2})
        self.assertEqual(result["ratio"]["own"]["count"], 1)

    def test_nothing_in_common_gives_no_ratio(self):
        result = figures.summary([[turn("limit", 100, 80), turn("own", 50, 400)]])
        self.assertIsNone(result["ratio"]["own"])
        self.assertEqual(len(result["places"]), 2)
        self.assertIsNone(result["places"][0]["rows"]["own"]["rate"])

    def test_noise_is_one_place_and_a_move_another(self):
        distances = (74, 80, 88, 99, 380, 430)
        places = figures.places([turn("own", 1, distance) for distance in distances])
        self.assertEqual([len(place) for place in places], [4, 2])
        self.assertTrue(figures.alike(80, 99))
        self.assertFalse(figures.alike(80, 120))


if __name__ == "__main__":
    unittest.main()
