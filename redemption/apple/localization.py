"""Writes pass.strings: the texts of a pass in other languages, the words for its standing among them."""

from __future__ import annotations

from collections.abc import Mapping

STATUS = "Status"
STATUS_CHANGED = "Status: %@"
STANDINGS: Mapping[str, str] = {
    "active": "Active",
    "suspended": "Suspended",
    "revoked": "Revoked",
    "expired": "Expired",
    "replaced": "Replaced",
}


def _words(status: str, changed: str, *standings: str) -> dict[str, str]:
    texts = (STATUS, STATUS_CHANGED, *STANDINGS.values())
    return dict(zip(texts, (status, changed, *standings), strict=True))


WORDS: Mapping[str, Mapping[str, str]] = {
    "ar": _words("الحالة", "الحالة: %@", "نشطة", "موقوفة", "ملغاة", "منتهية الصلاحية", "مستبدلة"),
    "de": _words("Status", "Status: %@", "Gültig", "Gesperrt", "Widerrufen", "Abgelaufen", "Ersetzt"),
    "en": _words(STATUS, STATUS_CHANGED, *STANDINGS.values()),
    "es": _words("Estado", "Estado: %@", "Activo", "Suspendido", "Revocado", "Caducado", "Sustituido"),
    "fr": _words("Statut", "Statut : %@", "Actif", "Suspendu", "Révoqué", "Expiré", "Remplacé"),
    "it": _words("Stato", "Stato: %@", "Attivo", "Sospeso", "Revocato", "Scaduto", "Sostituito"),
    "ja": _words(
        "ステータス", "ステータス:%@", "有効", "一時停止中", "取り消し済み", "期限切れ", "置き換え済み"
    ),
    "nl": _words("Status", "Status: %@", "Actief", "Geblokkeerd", "Ingetrokken", "Verlopen", "Vervangen"),
    "pt": _words("Estado", "Estado: %@", "Ativo", "Suspenso", "Revogado", "Expirado", "Substituído"),
}


def strings_files(localizations: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """Return `xx.lproj/pass.strings` for every language of the design and of the words for the standing.

    UTF-16 with a byte order mark: what Apple recommends for texts beyond ASCII. A design's own word wins.
    """
    return {
        f"{language}.lproj/pass.strings": _strings(
            {**WORDS.get(language, {}), **localizations.get(language, {})}
        )
        for language in sorted(WORDS.keys() | localizations.keys())
    }


def _strings(translations: Mapping[str, str]) -> bytes:
    lines = [f'"{_escape(text)}" = "{_escape(words)}";\n' for text, words in sorted(translations.items())]
    return ("\ufeff" + "".join(lines)).encode("utf-16-le")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\r", r"\r")
