# SPDX-License-Identifier: BSD-2-Clause
"""What figures.py compares, and what it leaves out; what instructions.py reads and compares."""
import tempfile
import unittest

import figures
import instructions


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


CALLGRIND = """events: Ir
ob=(1) /lib/libc.so
fn=(1) memcpy
5 1000
ob=(2) /build/sluice
fl=(1) worker.c
fn=(2) worker_turn
10 100
+1 20
cob=(1)
cfn=(1)
calls=3 0
* 3000
fi=(2) net.h
-2 7
cfn=(3) frame_input
calls=1 4
+3 500
fn=(3)
* 500
"""


class Instructions(unittest.TestCase):
    def test_only_the_executable_counts_and_no_callee(self):
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write(CALLGRIND)
            file.flush()
            self.assertEqual(instructions.own_costs(file.name, "/build/sluice"),
                             {"worker_turn": 127, "frame_input": 500})

    def test_what_differs_is_said(self):
        self.assertEqual(list(instructions.compare({"rule": 104}, {"rule": 100})), [])
        for found in ({"rule": 106}, {"rule": 94}, {"spoof": 100}, {}):
            self.assertNotEqual(list(instructions.compare(found, {"rule": 100})), [])


if __name__ == "__main__":
    unittest.main()
