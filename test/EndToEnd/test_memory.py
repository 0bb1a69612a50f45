"""gptc memory: it agrees with itself and with what runs allocate, and its page stands alone."""

import html.parser
import json
import pathlib
import unittest

from gptc_testing import TINY, TINY_DATA, Case, read_log, run, without_times

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
        self.assertEqual(report["total"], sum(report["segments"].values()))
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
        for arguments in ([], ["--chunk-bytes", "1KiB"], ["--no-reuse"]):
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
