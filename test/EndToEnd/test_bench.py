"""gptc bench: groups of kernels that compute the same, the ladder, and a page with both that stands alone."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest

from gptc_testing import MODELS, TINY, Case, run
from test_memory import Page

RUNGS = ["fp32, unfused", "tf32", "bf16", "fused", "flash attention", "padded", "fused optimizer"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")


def bench(*arguments, model=TINY):
    return json.loads(run("bench", *model, "--device", "cpu", "--runs", 3, "--json", *arguments).stdout)


def step_of(*arguments):
    return json.loads(run("explain", *TINY, "--device", "cpu", "--no-run", "--json", *arguments).stdout)["step"]


class BenchTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.report = bench()

    def test_groups_add_up_to_the_step(self):
        fusion = self.report["fusion"]
        for side in ("fused", "unfused"):
            for key in ("launches", "bytes", "flops"):
                self.assertEqual(sum(group[side][key] for group in fusion["groups"]), fusion[side][key], (side, key))
            total = sum(group[side]["ms"] for group in fusion["groups"])
            self.assertAlmostEqual(total / fusion[side]["ms"], 1)
        plan = step_of()
        for key in ("launches", "bytes", "flops"):
            self.assertEqual(fusion["fused"][key], plan[key], key)
        step = fusion["step"]
        self.assertAlmostEqual(step["ratio"], step["unfused_ms"] / step["fused_ms"])
        self.assertLessEqual(step["low"], step["high"])

    def test_groups_compute_the_same(self):
        groups = self.report["fusion"]["groups"]
        for group in groups:
            self.assertEqual(group["fused"]["flops"], group["unfused"]["flops"], group["kernels"])
            self.assertLessEqual(group["fused"]["launches"], group["unfused"]["launches"], group["kernels"])
            if len(group["kernels"]) == 1 and group["operations"] == group["fused"]["launches"]:
                self.assertEqual(group["fused"]["bytes"], group["unfused"]["bytes"], group["kernels"])
        fusion = self.report["fusion"]
        self.assertGreater(fusion["unfused"]["bytes"], fusion["fused"]["bytes"])
        self.assertTrue(any(group["operations"] > 4 * group["fused"]["launches"] for group in groups))
        names = [tuple(group["kernels"]) for group in groups]
        self.assertEqual(len(names), len(set(names)))

    def test_rungs(self):
        ladder = self.report["ladder"]
        self.assertEqual([rung["rung"] for rung in ladder], RUNGS)
        rungs = {rung["rung"]: rung for rung in ladder}
        self.assertIn("TensorFloat-32", rungs["tf32"]["skipped"])
        self.assertIn("--precision fp32", rungs["bf16"]["skipped"])
        climbed = [rung for rung in ladder if "skipped" not in rung]
        self.assertIsNone(climbed[0]["ratio"])
        for rung in climbed:
            tokens = 2 * 8
            self.assertAlmostEqual(rung["tokens_per_second"] * rung["ms"] / 1e3 / tokens, 1)
            if rung is not climbed[0]:
                self.assertLessEqual(rung["ratio"]["low"], rung["ratio"]["high"])
        self.assertGreater(rungs["fp32, unfused"]["bytes"], rungs["fused"]["bytes"])
        self.assertGreater(rungs["fp32, unfused"]["launches"], rungs["fused"]["launches"])
        self.assertGreater(rungs["fused"]["bytes"], rungs["flash attention"]["bytes"])
        self.assertGreater(rungs["padded"]["launches"], rungs["fused optimizer"]["launches"])
        # The last rung is the plan as it is.
        plan = step_of()
        for key in ("launches", "bytes", "flops", "peak_memory"):
            self.assertEqual(climbed[-1][key], plan[key], key)

    def test_sixteen_bits(self):
        ladder = {rung["rung"]: rung for rung in bench("--only", "ladder", "--precision", "bf16")["ladder"]}
        self.assertEqual(list(ladder), RUNGS)
        self.assertNotIn("skipped", ladder["bf16"])
        self.assertEqual(ladder["fp32, unfused"]["bytes"], self.rung("fp32, unfused")["bytes"])
        self.assertLess(ladder["fused optimizer"]["bytes"], self.rung("fused optimizer")["bytes"])

    def rung(self, name):
        return next(rung for rung in self.report["ladder"] if rung["rung"] == name)

    def test_parts_and_models_without_tokens(self):
        report = bench("--only", "kernels", model=[MODELS / "mlp.gpt"])
        self.assertNotIn("ladder", report)
        report = bench("--only", "ladder", model=[MODELS / "micrograd.gpt"])
        self.assertNotIn("fusion", report)
        self.assertIn("examples_per_second", report["ladder"][0])

    def test_text_and_page(self):
        path = self.path("bench.html")
        text = run("bench", *TINY, "--device", "cpu", "--runs", 3, "--html", path).stdout
        for rung in self.report["ladder"]:
            self.assertIn("\n" + rung["rung"], text)
            if "skipped" in rung:
                self.assertIn("skipped: " + rung["skipped"], text)
        for group in self.report["fusion"]["groups"]:
            self.assertIn(" + ".join(group["kernels"]), text)
        html = pathlib.Path(path).read_text(encoding="utf-8")
        page = Page(html)
        self.assertTrue(html.startswith("<!DOCTYPE html>"))
        self.assertEqual(page.loads, [])
        for loading in ("url(", "@import", "http:", "https:"):
            self.assertNotIn(loading, html)
        tags = [tag for tag, _ in page.seen]
        self.assertNotIn("script", tags)
        self.assertNotIn("link", tags)
        self.assertIn("prefers-color-scheme: dark", html)
        # A bar of time and one of memory for each rung that was climbed, two for each of the first kernels.
        climbed = sum("skipped" not in rung for rung in self.report["ladder"])
        self.assertEqual(tags.count("rect"), 2 * climbed + 2 * min(25, len(self.report["fusion"]["groups"])))
        self.assertEqual(tags.count("title"), tags.count("rect") + 1)
        for tag, attributes in page.seen:
            if tag == "rect":
                x, width = float(attributes["x"]), float(attributes["width"])
                self.assertTrue(x == 330 and 0 < width and x + width <= 1100, attributes)
        self.check_in_browser(path)

    def check_in_browser(self, path):
        """The page as a browser sees it; where there is none, a line says so."""
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if not browser:
            print("no browser of", ", ".join(BROWSERS), "is installed: the page was not opened in one")
            return
        folder = self.path("profile")
        base = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
        done = subprocess.run([*base, "--dump-dom", "file://" + path], capture_output=True, text=True, timeout=120,
                              check=True)
        self.assertEqual(done.stdout.count("<svg"), 3)
        self.assertEqual(done.stdout.count("<table"), 2)
        self.assertNotIn("<parsererror", done.stdout)
        shot = self.path("page.png")
        subprocess.run([*base, f"--screenshot={shot}", "--window-size=1200,2400", "file://" + path],
                       capture_output=True, timeout=120, check=True)
        self.assertGreater(pathlib.Path(shot).stat().st_size, 20000)  # an empty page takes less

    def test_bad_input(self):
        self.assertFails(run("bench", *TINY, "--only", "all", code=2), "--only")
        self.assertFails(run("bench", *TINY, "--runs", 1, code=2), "--runs")
        self.assertFails(run("bench", *TINY, "--device", "cpu", "--precision", "tf32", code=2), "tf32")
        path = self.path("nowhere") + "/bench.html"
        self.assertFails(run("bench", *TINY, "--html", path, code=1), "--html", path)
        self.assertFails(run("bench", self.path("none.gpt"), code=1), "none.gpt")
        self.assertTrue(re.search(r"--time-limit", run("bench", "--help").stdout))


if __name__ == "__main__":
    unittest.main()
