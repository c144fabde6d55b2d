"""A check decodes no pixels: nothing that could is ever loaded into its process."""

import subprocess
import sys

CODECS = ("PIL", "numpy", "gdcm", "pydicom", "pynetdicom", "openjpeg", "pylibjpeg", "jpeg_ls", "cv2", "imagecodecs")


def test_no_codec_is_loaded_by_a_check_and_its_reports() -> None:
    program = (
        "import sys, lightproof.check.run, lightproof.documents.files\n"
        "from lightproof.check.detectors import all_detectors\n"
        "all_detectors()\n"
        f"print([name for name in {CODECS!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
