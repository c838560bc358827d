"""The OCR endpoints that the simulated platform has, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SOLUTION = "/rest/2.0/solution/v1/iocr/recognise"
PATHS: Mapping[str, str] = {_SOLUTION: "iocr", f"{_SOLUTION}/finance": "iocr_finance"}
"""Endpoints that are not where the others are."""


@dataclass(frozen=True, slots=True)
class SimulatedEndpoint:
    """What one endpoint takes and tells.

    Attributes:
        max_bytes: of the image after base64 and percent-encoding.
        max_side: in pixels.
        inputs: besides the image.
        text: whether it answers with lines that the reader sees; a fixed document otherwise.
        located: whether such lines carry a `location`.
        required: options of which one has to be there.
        values: what the first of those may be set to; empty for anything.
    """

    max_bytes: int = 4_000_000
    max_side: int = 4096
    inputs: tuple[str, ...] = ()
    text: bool = False
    located: bool = False
    required: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


_ALL = ("url", "pdf_file", "ofd_file")
_PDF = ("url", "pdf_file")
_URL = ("url",)
_PERMITS = tuple(
    f"{kind}_{side}"
    for kind in ("hk_mc_passport", "tw_passport", "tw_return_passport", "hk_mc_return_passport")
    for side in ("front", "back")
)
_TEMPLATE = ("templateSign", "classifierId")

_SPECIAL: Mapping[str, SimulatedEndpoint] = {
    "general_basic": SimulatedEndpoint(8_000_000, 4096, _ALL, text=True),
    "general": SimulatedEndpoint(8_000_000, 4096, _ALL, text=True, located=True),
    "accurate_basic": SimulatedEndpoint(10_000_000, 8192, _ALL, text=True),
    "accurate": SimulatedEndpoint(10_000_000, 8192, _ALL, text=True, located=True),
    "webimage": SimulatedEndpoint(8_000_000, 4096, _ALL, text=True),
    "webimage_loc": SimulatedEndpoint(8_000_000, 4096, _ALL, text=True, located=True),
    "handwriting": SimulatedEndpoint(8_000_000, 4096, _ALL, text=True, located=True),
    "receipt": SimulatedEndpoint(8_000_000, 4096, _URL, text=True, located=True),
    "numbers": SimulatedEndpoint(inputs=_ALL, text=True, located=True),
    "general_enhanced": SimulatedEndpoint(inputs=_URL, text=True, located=True),
    "idcard": SimulatedEndpoint(8_000_000, 8192, _URL, required=("id_card_side",), values=("front", "back")),
    "bankcard": SimulatedEndpoint(8_000_000, 8192, _URL),
    "business_license": SimulatedEndpoint(10_000_000, 8192, _URL),
    "vat_invoice": SimulatedEndpoint(8_000_000, 4096, _ALL),
    "hk_macau_taiwan_exitentrypermit": SimulatedEndpoint(
        inputs=_PDF, required=("exitentrypermit_type",), values=_PERMITS
    ),
    "iocr": SimulatedEndpoint(inputs=_PDF, required=_TEMPLATE),
    "iocr_finance": SimulatedEndpoint(inputs=_PDF),
}
_BY_INPUTS: Mapping[tuple[str, ...], str] = {
    (): "lottery facade business_card HK_Macau_exitentrypermit taiwan_exitentrypermit insurance_documents travel_card"
    " health_code covid_test",
    _URL: "form formula meter intelligent_ocr multi_card_classify medical_recipts_classify multi_idcard passport"
    " social_security_card household_register birth_certificate vehicle_license driving_license mixed_multi_vehicle"
    " license_plate vin_code vehicle_certificate vehicle_registration_certificate waybill medical_invoice"
    " medical_detail medical_statement medical_report_detection health_report medical_record medical_prescription"
    " medical_summary medical_summary_diagnosis medical_outpatient",
    _PDF: "doc_analysis marriage_certificate road_transport_certificate vehicle_invoice used_vehicle_invoice"
    " weight_note",
    _ALL: "doc_analysis_office table seal qrcode multiple_invoice invoice quota_invoice train_ticket taxi_receipt"
    " air_ticket bus_ticket toll_invoice ferry_ticket online_taxi_itinerary shopping_receipt bank_receipt_new",
}
ENDPOINTS: Mapping[str, SimulatedEndpoint] = {
    **_SPECIAL,
    **{name: SimulatedEndpoint(inputs=inputs) for inputs, names in _BY_INPUTS.items() for name in names.split()},
}
"""By name."""
