"""What users of the local engines see, recognised by class and words, with none of them imported."""

from __future__ import annotations

import errno
import urllib.error

import pytest
from PIL import Image, UnidentifiedImageError

from ocrgate.diagnosis import diagnose


def named(name: str, base: type[Exception] = Exception, module: str = "engine") -> type[Exception]:
    """A class as an engine has it."""
    return type(name, (base,), {"__module__": module})


TesseractError = named("TesseractError", RuntimeError, "pytesseract.pytesseract")
TesseractNotFoundError = named("TesseractNotFoundError", EnvironmentError, "pytesseract.pytesseract")
OpenCVError = named("error", Exception, "cv2")
OutOfMemoryError = named("OutOfMemoryError", RuntimeError, "torch")
RapidOCRError = named("RapidOCRError", Exception, "rapidocr.main")
ONNXRuntimeError = named("ONNXRuntimeError", Exception, "rapidocr.inference_engine.onnxruntime.main")
LoadImageError = named("LoadImageError", Exception, "rapidocr.utils.load_image")
DownloadFileException = named("DownloadFileException", Exception, "rapidocr.utils.download_file")

DATA = (
    "Error opening data file /usr/share/tessdata/{0}.traineddata Please make sure the TESSDATA_PREFIX environment"
    " variable is set to your \"tessdata\" directory. Failed loading language '{0}' Tesseract couldn't load any"
    " languages! Could not initialize tesseract."
)
TESSERACT = [
    (TesseractNotFoundError("tesseract is not installed or it's not in your PATH."), "program_missing"),
    (TesseractError(1, DATA.format("xyz")), "language_missing"),
    (TesseractError(1, DATA.format("eng")), "tessdata"),
    (TesseractError(1, f"Warning: TESSDATA_PREFIX /no does not exist, ignore it {DATA.format('chi_sim')}"), "tessdata"),
    (TesseractError(1, "Error: Tesseract (legacy) engine requested, but components are not present"), "bad_option"),
    (TesseractError(1, ""), "bad_option"),
    (TesseractError(1, "Image too large: (40000, 10)"), "image_too_large"),
    (TesseractError(1, "Error, cannot read input file /no.png: No such file or directory"), "image_unreadable"),
    (TesseractError(1, "Error in pixReadStream: Unknown format: no pix returned"), "image_unreadable"),
    (TesseractError(-9, ""), "killed"),
    (TesseractError(1, "something new"), "failed"),
    (RuntimeError("Tesseract process timeout"), "timeout"),
    (RuntimeError("Failed to init API, possibly an invalid tessdata path: ./"), "tessdata"),
    (OSError(errno.ENOEXEC, "Exec format error"), "program_not_executable"),
    (PermissionError(errno.EACCES, "Permission denied"), "program_not_executable"),
    (OSError(errno.ENOSPC, "No space left on device"), "temporary_files"),
    (OSError("cannot write mode CMYK as PNG"), "image_mode"),
    (TypeError("Unsupported image object"), "image_object"),
    (ValueError("No closing quotation"), "bad_option"),
    (UnidentifiedImageError("cannot identify image file"), "image_unreadable"),
    (ModuleNotFoundError("No module named 'pytesseract'"), "engine_missing"),
]
EASYOCR = [
    (FileNotFoundError("Missing /m/craft_mlt_25k.pth and downloads disabled"), "weights_missing"),
    (FileNotFoundError("MD5 mismatch for /m/craft_mlt_25k.pth and downloads disabled"), "weights_corrupt"),
    (AssertionError("MD5 hash mismatch, possible file corruption"), "weights_corrupt"),
    (urllib.error.URLError(OSError(errno.ENETUNREACH, "Network is unreachable")), "download_failed"),
    (ValueError({"xx"}, "is not supported"), "language_missing"),
    (ValueError("Chinese_sim is only compatible with English, try lang_list=['ch_sim','en']"), "language_missing"),
    (
        ValueError("Invalid input type. Supporting format = string(file path or url), bytes, numpy array"),
        "image_refused",
    ),
    (ValueError("setting an array element with a sequence. The array has an inhomogeneous shape"), "image_sizes"),
    (OpenCVError("OpenCV(4.10) Unsupported depth of input image"), "image_refused"),
    (OpenCVError("OpenCV(4.10) error: (-4:Insufficient memory) Failed to allocate"), "worker_memory"),
    (RuntimeError("operator torchvision::nms does not exist"), "load_failed"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), "worker_memory"),
    (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "gpu_memory"),
    (AssertionError("Torch not compiled with CUDA enabled"), "gpu_missing"),
    (RuntimeError("Found no NVIDIA driver on your system."), "gpu_missing"),
    (RuntimeError("something in the middle"), "engine_failed"),
    (ModuleNotFoundError("No module named 'torch'"), "engine_missing"),
]
RAPIDOCR = [
    (ImportError("onnxruntime is not installed."), "engine_missing"),
    (FileNotFoundError("/m/PP-OCRv6_det_small.onnx does not exists."), "model_missing"),
    (ONNXRuntimeError("NoSuchFile: [ONNXRuntimeError] : 3 : NO_SUCHFILE : Load model failed"), "model_missing"),
    (
        ONNXRuntimeError("InvalidProtobuf: [ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model failed"),
        "model_corrupt",
    ),
    (ONNXRuntimeError("RuntimeException: std::bad_alloc"), "worker_memory"),
    (ONNXRuntimeError("Non-zero status code returned while running Conv node"), "engine_failed"),
    (RapidOCRError("The text detection result is empty"), "engine_failed"),
    (LoadImageError("/no.png does not exist."), "image_refused"),
    (UnidentifiedImageError("cannot identify image file"), "image_refused"),
    (OpenCVError("OpenCV(5.0) error"), "image_refused"),
    (DownloadFileException("failed to download https://example.com/m.onnx?sign=planted"), "download_failed"),
    (ValueError("Unsupported lang_type"), "language_missing"),
    (ValueError("Unknown parameter: x"), "bad_option"),
]
CASES = [
    (provider, error, code)
    for provider, cases in (("tesseract", TESSERACT), ("easyocr", EASYOCR), ("rapidocr", RAPIDOCR))
    for error, code in cases
]


@pytest.mark.parametrize(("provider", "error", "code"), CASES, ids=[f"{each[0]}:{each[1]!r}"[:80] for each in CASES])
def test_a_failure_of_an_engine_is_explained_from_its_table(provider: str, error: Exception, code: str) -> None:
    found = diagnose(error, provider)
    assert (found.code, found.known) == (code, True)
    assert found.message.startswith(type(error).__name__)
    assert "planted" not in found.message


@pytest.mark.parametrize(("provider", "error", "code"), CASES, ids=[f"{each[0]}:{each[1]!r}"[:80] for each in CASES])
def test_its_text_from_a_terminal_is_explained_alike(provider: str, error: Exception, code: str) -> None:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    assert diagnose(f"{name}: {error}", provider).code == code


def test_an_engines_words_mean_nothing_to_another_engine() -> None:
    assert diagnose(RuntimeError("Tesseract process timeout"), "rapidocr").known is False
    assert diagnose(TypeError("Unsupported image object"), "baidu").known is False


def test_a_failure_is_recognised_below_an_exception_of_the_program() -> None:
    outer = ValueError("page 3")
    outer.__cause__ = TesseractNotFoundError("tesseract is not installed")
    assert diagnose(outer, "tesseract").code == "program_missing"


def test_real_exceptions_of_pytesseract_are_recognised() -> None:
    import pytesseract

    image = Image.new("RGB", (20, 20))
    cases: list[tuple[object, dict[str, str], str]] = [
        (b"bytes", {}, "image_object"),
        (image.convert("CMYK"), {}, "image_mode"),
        (image, {"config": "-c 'a"}, "bad_option"),
    ]
    for handed, options, code in cases:
        with pytest.raises(Exception) as caught:
            pytesseract.image_to_string(handed, **options)
        assert diagnose(caught.value, "tesseract").code == code
