"""The report as Markdown."""


def table(rows):
    """Rows of cells, the first of them the heads."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]) + "\n"


def markdown(found):
    machine, results = found["machine"], found["results"]
    gpu = machine["gpu"] or machine.get("device") or "no GPU"
    text = f"# gpu-check on {gpu}, {found['date']}\n\n"
    facts = {"driver": machine["driver"], "memory": machine.get("memory"), "NVRTC": machine.get("nvrtc"),
             "torch": machine.get("torch"), "system": machine["system"],
             "prepared": f"{found['prepared']['prepared']}, source {found['prepared']['source'] or 'not known'}, "
                         f"kernels for {found['prepared']['architecture'] or 'no GPU ahead of time'}"}
    text += "".join(f"- {name}: {value}\n" for name, value in facts.items() if value)
    counts = {state: sum(row["result"] == state for row in results) for state in ("passed", "failed", "skipped")}
    text += "\n" + ", ".join(f"{count} {state}" for state, count in counts.items()) + ".\n\n"
    speeds = [row["measured"] for row in results if row["part"] == "speed" and "measured" in row]
    if speeds:
        rows = [("B x T", "precision", "peer", "gptc tokens/s", "peer tokens/s", "gptc ms", "peer ms", "ratio", "90 %")]
        for s in speeds:
            rows.append((f"{s['batch_size']} x {s['sequence_length']}", s["precision"], s["mode"],
                         f"{s['tokens_per_second']['gptc']:.0f}", f"{s['tokens_per_second']['peer']:.0f}",
                         f"{s['gptc']['median_ms']:.2f}", f"{s['peer']['median_ms']:.2f}", f"{s['ratio']:.3f}",
                         f"{s['ratio_low']:.3f} to {s['ratio_high']:.3f}"))
        text += "GPT-2 124M, one step of each in turn, both in the same precision:\n\n" + table(rows) + "\n"
    rows = [("part", "check", "result", "detail")]
    rows += [(row["part"], row["name"], row["result"], row["detail"]) for row in results]
    return text + table(rows)
