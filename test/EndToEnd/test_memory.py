"""gptc memory: it agrees with itself and with what runs allocate, and its page stands alone."""

import html.parser
import json
import pathlib
import unittest

from gptc_testing import MODELS, TINY, TINY_DATA, Case, read_log, run, without_times

# Deep, with long sequences: most of its memory is what the forward part leaves to the backward part.
TALL = [MODELS / "gpt2.gpt", "--preset", "small", "--set", "n_layer=4", "--set", "block_size=256", "--set",
        "vocab_size=128", "--batch-size", "16", "--sequence-length", "256"]

# Elements that need no end tag.
VOID = {"meta", "line"}


class Page(html.parser.HTMLParser):
    """Checks that tags match, and collects what a page could load."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.loads, self.titles = [], [], [], 0
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()


class MemoryTest(Case):
    def report(self, *arguments):
        return json.loads(run("memory", *TINY, "--json", *arguments).stdout)

    def test_purposes_and_segments_say_the_same(self):
        report = self.report()
        self.assertEqual(report["total"], sum(report["segments"].values()) + report["scratch"]["bytes"])
        self.assertEqual(report["total"], sum(report["categories"].values()))
        self.assertLessEqual(report["train"], report["train_accumulate"])
        self.assertLess(report["train_accumulate"], report["total"])
        self.assertEqual(report["categories"]["parameters"], report["segments"]["parameters"])
        self.assertGreater(report["categories"]["saved"], 0)

    def test_owner_of_the_peak(self):
        peak = self.report()["peak"]
        self.assertTrue(peak["entry"].startswith("accumulate_"), peak["entry"])
        self.assertGreaterEqual(peak["live"], sum(b["bytes"] for b in peak["buffers"]) - peak["borrowed"])
        sizes = [buffer["bytes"] for buffer in peak["buffers"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        for buffer in peak["buffers"]:
            first, last = buffer["commands"]
            self.assertTrue(first <= peak["command"] <= last, buffer)
        self.assertTrue(any(".gpt:" in buffer["lines"] for buffer in peak["buffers"]))
        text = run("memory", *TINY).stdout
        self.assertIn("the peak: " + peak["entry"], text)

    def test_runs_allocate_what_it_says(self):
        for arguments in ([], ["--chunk-bytes", "1KiB"], ["--no-reuse"], ["--precision", "bf16"]):
            plan = self.path("tiny.plan")
            run("compile", *TINY, *arguments, "-o", plan)
            memory = json.loads(run("info", plan, "--json", program="gptc-run").stdout)["memory"]
            report = self.report(*arguments)
            for key, purpose in (("total", "train_and_evaluate"), ("train", "train"),
                                 ("train_accumulate", "train_accumulate")):
                self.assertEqual(memory[purpose]["bytes"], report[key], key)

    def test_largest_batch(self):
        size = TINY[:TINY.index("--batch-size")] + TINY[TINY.index("--batch-size") + 2:]

        def total(batch):
            return json.loads(run("memory", *size, "--batch-size", batch, "--json").stdout)["total"]

        limit = total(11) + 1
        report = self.report("--fit", limit)
        self.assertEqual(report["largest_batch"], 11)
        self.assertEqual(report["bytes_at_largest_batch"], total(11))
        self.assertEqual(report["bytes_at_next_batch"], total(12))
        self.assertGreater(report["bytes_at_next_batch"], limit)
        self.assertEqual(self.report("--fits", 1000)["largest_batch"], 0)
        self.assertIn("not even --batch-size 1", run("memory", *TINY, "--fit", 1000).stdout)

    def test_budgets_are_met(self):
        """The plan takes what is allowed, with what costs least, and trains as the one that keeps all."""
        def losses(name, *arguments):
            run("train", *TALL, *TINY_DATA, "--steps", 5, "--total-batch-size", 16 * 512, "--eval-every", 0, "--log",
                self.path(name), *arguments)
            return [step["loss"] for step in without_times(read_log(self.path(name))[0])]

        def price(report):
            entry = report["recomputation"]["entries"]["accumulate_middle"]
            return entry["flops"] / entry["flops_without"]

        without = json.loads(run("memory", *TALL, "--json").stdout)
        kept, prices = losses("kept.jsonl"), []
        for share in (90, 75, 60):
            budget = without["train_accumulate"] * share // 100
            report = json.loads(run("memory", *TALL, "--json", "--memory-budget", budget).stdout)
            self.assertLessEqual(report["train_accumulate"], budget)
            # Within some percent: no more is computed again than is needed.
            self.assertGreater(report["train_accumulate"], 0.93 * budget)
            self.assertEqual(report["recomputation"]["budget"], budget)
            prices.append(price(report))
            plan = self.path("tall.plan")
            run("compile", *TALL, "--memory-budget", budget, "-o", plan)
            memory = json.loads(run("info", plan, "--json", program="gptc-run").stdout)["memory"]
            self.assertEqual(memory["train_accumulate"]["bytes"], report["train_accumulate"])
            for a, b in zip(kept, losses("again.jsonl", "--memory-budget", budget), strict=True):
                # Products may be summed in other panels: float32 rounding, then what training makes of it.
                self.assertLess(abs(a - b) / a, 1e-5)
        self.assertGreater(prices[0], 0)
        self.assertEqual(prices, sorted(prices))
        self.assertLess(prices[-1], 0.5)

    def test_budget_as_a_share_or_the_least(self):
        without = json.loads(run("memory", *TALL, "--json").stdout)["train_accumulate"]
        share = json.loads(run("memory", *TALL, "--json", "--memory-budget", "80%").stdout)
        self.assertEqual(share["recomputation"]["budget"], int(without * 0.8))
        least = json.loads(run("memory", *TALL, "--json", "--memory-budget", "min").stdout)
        self.assertLess(least["train_accumulate"], 0.65 * without)
        self.assertIn("GFLOP again", run("memory", *TALL, "--memory-budget", "80%").stdout)
        self.assertIn("nothing has to be computed again", run("memory", *TALL, "--memory-budget", without).stdout)

    def test_budget_that_cannot_be_met(self):
        result = run("memory", *TINY, "--memory-budget", "100KB", code=1)
        self.assertFails(result, "--memory-budget")
        self.assertIn("--batch-size", result.stderr)
        for wrong in ("0", "120%", "-1%", "many", "1.5"):
            self.assertFails(run("memory", *TINY, "--memory-budget", wrong, code=2), "--memory-budget")
        self.assertFails(run("memory", *TINY, "--memory-budget", "min", "--no-reuse", code=2), "--no-reuse")
        for name in ("plan-assign-buffers", "gpt-recompute"):
            self.assertFails(run("memory", *TINY, "--memory-budget", "min", "--disable-pass", name, code=2), name)
        self.assertFails(run("verify", *TINY[:1], "--memory-budget", "1GiB", code=2), "--full")

    def test_largest_batch_with_recomputation(self):
        limit = 4 * self.report()["train_accumulate"]
        kept = self.report("--fit", limit)
        again = self.report("--fit", limit, "--memory-budget", "min")
        self.assertGreaterEqual(again["largest_batch"], kept["largest_batch"])
        self.assertLessEqual(again["bytes_at_largest_batch"], limit)

    def test_page_stands_alone(self):
        path = self.path("memory.html")
        run("memory", *TINY, "--html", path)
        text = pathlib.Path(path).read_text(encoding="utf-8")
        page = Page(text)
        self.assertTrue(text.startswith("<!DOCTYPE html>"))
        self.assertEqual(page.loads, [])
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        tags = [tag for tag, _ in page.seen]
        self.assertNotIn("script", tags)
        self.assertNotIn("link", tags)
        # Each buffer has a rectangle with a tooltip, and a row of the table.
        rectangles = tags.count("rect")
        self.assertGreater(rectangles, 20)
        self.assertEqual(tags.count("title"), rectangles + 1)
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertIn("class=\"peak\"", text)
        for tag, attributes in page.seen:
            if tag == "rect":
                x, y, width, height = (float(attributes[name]) for name in ("x", "y", "width", "height"))
                self.assertTrue(x >= 80 and x + width <= 1280.02 and y >= -0.02 and y + height <= 600.02, attributes)

    def test_page_that_cannot_be_written(self):
        path = self.path("nowhere") + "/memory.html"
        self.assertFails(run("memory", *TINY, "--html", path, code=1), path)

    def test_pieces_of_rows_train_alike(self):
        def train(name, *arguments):
            run("train", *TINY, *TINY_DATA, "--steps", 5, "--total-batch-size", 32, "--eval-every", 0, "--log",
                self.path(name), *arguments)
            return [step["loss"] for step in without_times(read_log(self.path(name))[0])]

        whole, pieces = train("whole.jsonl"), train("pieces.jsonl", "--chunk-bytes", "1KiB")
        for a, b in zip(whole, pieces, strict=True):
            # Gradients are summed in another order: float32 rounding, then what training makes of it.
            self.assertLess(abs(a - b) / a, 1e-5)

    def test_pieces_of_rows_take_less(self):
        self.assertLess(self.report("--chunk-bytes", "1KiB")["transient"]["accumulate_first"],
                        self.report()["transient"]["accumulate_first"])
        self.assertFails(run("memory", *TINY, "--chunk-bytes", "many", code=2), "--chunk-bytes")


if __name__ == "__main__":
    unittest.main()
