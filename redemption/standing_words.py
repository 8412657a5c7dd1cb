"""The words by which a pass says where it stands, in every language that passes speak."""

from __future__ import annotations

from collections.abc import Mapping

STATUS = "Status"
# Apple puts the new value where %@ is.
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
