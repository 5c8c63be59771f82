"""`har export`: how do I use this model elsewhere?"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from har.commands.printing import Json, print_json
from har.commands.trained import Model, load_trained


class Format(StrEnum):
    """What the networks are written as."""

    LITERT = "litert"
    ONNX = "onnx"
    KERAS = "keras"
    SAVEDMODEL = "savedmodel"


class Quantize(StrEnum):
    """How the numbers of the networks are kept."""

    NONE = "none"
    FLOAT16 = "float16"
    INT8 = "int8"


FormatOption = Annotated[Format, typer.Option("--format", help="Format of the networks.")]
QuantizeOption = Annotated[Quantize, typer.Option(help="Keep the networks in smaller numbers.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Where to write. Default: exports/ and the names of model, format and numbers.",
    ),
]


def export(
    file_format: FormatOption = Format.LITERT,
    quantize: QuantizeOption = Quantize.NONE,
    model: Model = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Write a trained model as a folder that runs without this project.

    The folder holds the networks, labels.json, preprocessing.json and predict.py, which names the
    action in videos; README.txt says more. What was written is read again and compared with the
    model on the project's test clips, or on drawn ones where there are none. `--quantize float16`
    halves the networks; `int8`, calibrated on training clips, makes those that see pictures a
    quarter. Exit code: 0 if written, 1 if it could not be or, not quantized, differs by more than
    1e-4.
    """
    from har.exports.agreement import compare_on_clips
    from har.exports.clips import find_clips, find_training_clips
    from har.exports.writing import folder_size, write_export

    if quantize != Quantize.NONE and file_format != Format.LITERT:
        raise typer.BadParameter("goes with --format litert alone", param_hint="--quantize")
    settings, recognizer, folder = load_trained(model)
    is_exact, written = quantize == Quantize.NONE, recognizer
    if not is_exact:
        from har.exports.quantizing import quantize as quantized  # here, as it imports TensorFlow

        clips = find_training_clips(recognizer) if quantize == Quantize.INT8 else None
        written = quantized(recognizer, folder, quantize, clips)
    names = [folder.resolve().name, file_format, *([] if is_exact else [quantize])]
    out = out or Path("exports") / "-".join(names)
    options = {"num_bootstrap": settings.evaluate.num_bootstrap, "seed": settings.seed}
    test_clips = find_clips(recognizer)
    compared = write_export(
        written,
        folder,
        out,
        file_format=file_format,
        is_exact=is_exact,
        compare=lambda one: compare_on_clips(recognizer, one, test_clips, **options),
    )
    megabytes = folder_size(out) / 1e6
    if as_json:
        print_json({"folder": out, "megabytes": megabytes} | compared.as_dict())
    else:
        typer.echo(f"{out}: {megabytes:.1f} MB\n{compared.describe()}")
