"""Signed provenance: Content Credentials (C2PA) put into pictures and MP4, and read back, with the extra `credentials`.

Source: C2PA Technical Specification 2.1, https://spec.c2pa.org. WebM is not among the formats that it knows.
"""

import datetime
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path
from liquidwarp.media.probe import check_file
from liquidwarp.media.provenance import DIGITAL_SOURCE_TYPE, software

SIGNED_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".mp4", ".mov")
"""What the name of a file that can be signed ends in."""
FOLDER_VARIABLE = "LIQUIDWARP_CREDENTIALS"
"""Environment variable that names the folder of the local certificate; by default `~/.config/liquidwarp`."""

_INGREDIENTS = "org.liquidwarp.ingredients"
_LOCAL = "local certificate of liquidwarp, vouched for by nobody"  # at most 64 letters
_ROOT = "local root of liquidwarp"
_DAYS = 3650
_UNTRUSTED = "signingCredential.untrusted"  # says that nobody vouches for the signer, nothing of the file
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@dataclass(frozen=True)
class Credential:
    """What a signed file says of itself.

    Attributes:
        whole: nothing was changed since it was signed.
        signer: name on the certificate; anybody can write any name on one of their own.
        local: signed with a certificate that liquidwarp made on somebody's machine.
        maker: program that made the claim.
        ingredients: SHA-256 of the files that it was made of.
    """

    whole: bool
    signer: str
    local: bool
    maker: str
    ingredients: tuple[str, ...]


def sign_file(
    path: str | Path,
    *,
    ingredients: Sequence[str | Path] = (),
    certificate: str | Path | None = None,
    key: str | Path | None = None,
) -> Path:
    """Put a signed claim into a file, atomically: made by an algorithm, from files of which it holds the hashes.

    Args:
        path: a picture or an MP4; is replaced.
        ingredients: photos and motions that it was made of; their hashes alone are kept.
        certificate: chain of certificates (PEM), the signer's own first; by default a local one, made on first use.
        key: its private key (PEM, for ECDSA on P-256).

    Raises:
        InputError: the extra or a file is missing, the format cannot be signed, or key and certificate do not fit.
        OutputError: the file cannot be written.
    """
    c2pa, path = _c2pa(), Path(path)
    check_file(path, "file to sign")
    if path.suffix.lower() not in SIGNED_ENDINGS:
        raise InputError(f"{path}: cannot be signed; give one that ends in {', '.join(SIGNED_ENDINGS)}")
    if (certificate is None) != (key is None):
        raise InputError("--certificate and --key go together; add the other one, or leave both out")
    chain, secret = _local_pair() if certificate is None or key is None else (_read(certificate), _read(key))
    claim = {
        "claim_generator_info": [dict(zip(("name", "version"), software().split(), strict=True))],
        "title": path.name,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [_created()]}},
            {"label": _INGREDIENTS, "data": {"sha256": [_hash(each) for each in ingredients]}},
        ],
    }
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, secret, None))
        with signer, open(path, "rb") as source, atomic_path(path) as partial, open(partial, "w+b") as target:
            c2pa.Builder(json.dumps(claim)).sign(signer, path.suffix.lower().lstrip("."), source, target)
    except c2pa.C2paError as error:
        raise InputError(f"{path}: cannot be signed ({error}); check the file, certificate and key") from error
    return path


def read_credential(path: str | Path) -> Credential | None:
    """Return what a file's Content Credentials say; None where it has none. Nothing is fetched.

    Raises:
        InputError: the extra is missing, or the file or its credential cannot be read.
    """
    c2pa, path = _c2pa(), Path(path)
    check_file(path, "file")
    if path.suffix.lower() not in SIGNED_ENDINGS:
        return None
    try:
        c2pa.load_settings(json.dumps(_OFFLINE))
        reader = c2pa.Reader.try_create(str(path))
        if reader is None:
            return None
        with reader:
            store, state = json.loads(reader.json()), str(reader.get_validation_state())
        claim: dict[str, Any] = store["manifests"][store["active_manifest"]]
        problems = {entry.get("code") for entry in store.get("validation_status") or ()}
        signature, makers = claim.get("signature_info") or {}, claim.get("claim_generator_info") or [{}]
        told = [each["data"] for each in claim.get("assertions") or () if each["label"] == _INGREDIENTS]
        return Credential(
            whole=state != "Invalid" or (bool(problems) and problems <= {_UNTRUSTED}),
            signer=str(signature.get("common_name") or signature.get("issuer") or "unknown"),
            local=signature.get("common_name") == _LOCAL,
            maker=" ".join(str(makers[0].get(part, "")) for part in ("name", "version")).strip(),
            ingredients=tuple(str(each) for data in told for each in data["sha256"]),
        )
    except (c2pa.C2paError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: its credential cannot be read ({reason}); it was damaged or changed") from error


def has_credentials_extra() -> bool:
    """Tell whether what signing needs is installed."""
    try:
        import c2pa  # noqa: F401
    except ImportError:
        return False
    return True


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise InputError("signing needs c2pa-python; pip install 'liquidwarp[credentials]' adds it") from error
    return c2pa


def _created() -> dict[str, str]:
    what = "made by an algorithm from a photo and a motion"
    return {"action": "c2pa.created", "digitalSourceType": DIGITAL_SOURCE_TYPE, "description": what}


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a file in PEM") from error


def _hash(path: str | Path) -> str:
    check_file(Path(path), "ingredient")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _local_pair() -> tuple[bytes, bytes]:
    """Return the local certificates and key; they are made on first use."""
    try:
        folder = Path(os.environ.get(FOLDER_VARIABLE) or Path.home() / ".config" / "liquidwarp")
    except RuntimeError as error:
        raise OutputError(f"no home to keep a local certificate in; name a folder with {FOLDER_VARIABLE}") from error
    both = folder / "local-credential.pem"  # one file, so that certificate and key belong together
    if not both.exists():
        chain, secret = _make_pair()
        with atomic_path(both) as partial:
            partial.chmod(0o600)
            partial.write_bytes(secret + chain)
    content = _read(both)
    end = b"-----END PRIVATE KEY-----\n"
    secret, separator, chain = content.partition(end)
    if not separator or b"CERTIFICATE" not in chain:
        raise InputError(f"{both}: damaged; remove it, and another one is made")
    return chain, secret + end


def _make_pair() -> tuple[bytes, bytes]:
    """Make a certificate that names nobody, one that vouches for it, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    above, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def named(what: str) -> x509.Name:
        parts = ((NameOID.ORGANIZATION_NAME, "liquidwarp (local)"), (NameOID.COMMON_NAME, what))
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])

    def certified(name: str, key: ec.EllipticCurvePrivateKey, *, root: bool) -> bytes:
        usage = {"digital_signature": True, "key_cert_sign": root, "crl_sign": root}
        unused = (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("encipher_only", "decipher_only"),
        )
        made = (
            x509.CertificateBuilder(named(_ROOT), named(name), key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), True)
            .add_extension(x509.KeyUsage(**usage, **dict.fromkeys(unused, False)), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), False)
        )
        if not root:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return made.sign(above, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    secret = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certified(_LOCAL, own, root=False) + certified(_ROOT, above, root=True), secret
