"""Runs the program on standard input as `python3 -` would, and writes what it shows with matplotlib
as JSON into the file that DAYTONA_CHARTS names."""

import base64
import io
import json
import os
import sys

CHARTS = []
FILE = os.environ.pop("DAYTONA_CHARTS")


def number(value):
    """A plain number, or the text of what is none (a date, a category)."""
    try:
        value = float(value)
    except (TypeError, ValueError):
        return str(value)
    return int(value) if value.is_integer() else value


def scale(axis, labels):
    shown = [label for label in labels if label]
    for label in shown:
        try:
            float(label.replace("\u2212", "-"))
            return axis.get_scale()
        except ValueError:
            pass
    if shown and "date" in type(axis.get_major_formatter()).__name__.lower():
        return "datetime"
    return "categorical"


def frame(ax):
    """Title, labels, ticks and scales; what is empty is left out."""
    x_labels = [text.get_text() for text in ax.get_xticklabels()]
    y_labels = [text.get_text() for text in ax.get_yticklabels()]
    described = {
        "title": ax.get_title(),
        "x_label": ax.get_xlabel(),
        "y_label": ax.get_ylabel(),
        "x_ticks": [number(tick) for tick in ax.get_xticks()],
        "y_ticks": [number(tick) for tick in ax.get_yticks()],
        "x_tick_labels": x_labels,
        "y_tick_labels": y_labels,
        "x_scale": scale(ax.xaxis, x_labels),
        "y_scale": scale(ax.yaxis, y_labels),
    }
    return {key: value for key, value in described.items() if value}


def shown_name(artist):
    label = str(artist.get_label())
    return {} if label.startswith("_") else {"label": label}


def lines(ax):
    return [
        {**shown_name(line), "points": [[number(x), number(y)] for x, y in zip(*line.get_data())]}
        for line in ax.get_lines()
    ]


def scatters(ax):
    return [
        {**shown_name(points), "points": [[number(x), number(y)] for x, y in points.get_offsets()]}
        for points in ax.collections
        if type(points).__name__ == "PathCollection"
    ]


def wedges(ax):
    texts = [text.get_text() for text in ax.texts]
    pieces = [patch for patch in ax.patches if type(patch).__name__ == "Wedge"]
    found = []
    for at, piece in enumerate(pieces):
        label = str(piece.get_label())
        if label.startswith("_"):
            label = texts[at] if at < len(texts) else ""
        found.append(
            {
                **({"label": label} if label else {}),
                "angle": number(round(abs(piece.theta2 - piece.theta1), 4)),
                "radius": number(piece.r),
            }
        )
    return found


def describe(ax):
    """An axes with its kind; None for one that shows nothing known."""
    for kind, elements in (("pie", wedges(ax)), ("scatter", scatters(ax)), ("line", lines(ax))):
        if elements:
            return {"type": kind, **frame(ax), "elements": elements}
    return None


def picture(figure):
    """As small as it gets: without margins, packed again by what matplotlib itself reads images with."""
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    with Image.open(drawn) as image:
        image.info = {}
        image.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def gather(figure):
    charts = [chart for chart in (describe(ax) for ax in figure.axes) if chart]
    if not charts:
        return
    png = base64.b64encode(picture(figure)).decode()
    if len(charts) == 1:
        CHARTS.append({**charts[0], "png": png})
    else:
        CHARTS.append({"type": "composite_chart", "png": png, "elements": charts})


def show(*_, **__):
    import matplotlib.pyplot as plt

    for number_of in plt.get_fignums():
        gather(plt.figure(number_of))
    plt.close("all")
    with open(FILE, "w") as file:
        json.dump(CHARTS, file)


def main():
    source = sys.stdin.buffer.read()
    sys.argv[0] = "-"
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        plt.show = show
    except ImportError:
        # The program itself says what is missing.
        pass
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        exec(compile(source, "<stdin>", "exec"), namespace)
    except SystemExit:
        raise
    except BaseException as error:
        import traceback

        # Without this driver's own frame.
        error = error.with_traceback(error.__traceback__.tb_next)
        traceback.print_exception(type(error), error, error.__traceback__)
        sys.exit(1)


main()
