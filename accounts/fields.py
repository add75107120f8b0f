"""`fernet_fields` made fit for keys: bound to its row, decrypted only when asked, safe in every kind of update.

What it changes against `fernet_fields.EncryptedTextField`, each for a reason found by running it:

* keys come from ENCRYPTION_KEY (see Note [Never SECRET_KEY] in `accounts.keyring`) and follow settings changes;
* a ciphertext belongs to one row (see Note [Binding]);
* loading a row does not decrypt, so a wrong key cannot break a list; reading gives a `Sealed`, `reveal()` decrypts;
* expressions pass through: the original encrypts the *text* of the SQL that bulk_update() and F() build, which
  destroys the value silently;
* dumpdata writes the ciphertext, loaddata takes it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import fernet_fields
from django.core.exceptions import FieldError
from django.db.models import Lookup
from django.db.models.expressions import Col
from django.db.models.query_utils import DeferredAttribute

from accounts import credentials, wiring
from accounts.credentials import Secret
from accounts.keyring import opens

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

    _BytesLookup = Lookup[bytes]
else:
    _BytesLookup = Lookup  # generic for type checkers only

_DUMP_MARK: Final = "sealed:"


class Sealed:
    """An encrypted value as a row's attribute shows it. Saving one that was loaded writes the same bytes again."""

    __slots__ = ("_plain", "_token", "binding")

    def __init__(self, *, binding: str = "", token: bytes | None = None, plain: Secret | None = None) -> None:
        self.binding = binding
        self._token = token
        self._plain = plain

    def __repr__(self) -> str:
        return f"Sealed({self.binding or 'unbound'})"

    @property
    def stored(self) -> bytes | None:
        """The ciphertext as loaded; None while the value has never been saved."""
        return self._token

    @property
    def content(self) -> bytes | Secret | None:
        return self._token if self._plain is None else self._plain

    def reveal(self) -> Secret:
        """The value. Raises UndecryptableKey; FieldError if it was loaded without its row."""
        if self._plain is not None:
            return self._plain
        if not self.binding or self._token is None:
            raise FieldError("an encrypted value is readable on its row only: load the object, not values()")
        return wiring.keyring().open(self._token, binding=self.binding)

    @property
    def is_readable(self) -> bool:
        """Whether `reveal()` would succeed."""
        if self._plain is not None or not self.binding or self._token is None:
            return self._plain is not None or bool(self.reveal())
        return opens(wiring.keyring(), self._token, self.binding)

    def sealed(self) -> bytes:
        """The bytes to store. Raises FieldError when there is no row to bind a new value to."""
        if self._plain is None:
            return self._token or b""
        if not self.binding:
            raise FieldError("an encrypted value can be written only through its row: set it there and save()")
        return wiring.keyring().seal(self._plain, binding=self.binding)


class _SealedAttribute(DeferredAttribute):
    """What stands on the model class: wraps on reading, unwraps on writing, keeps the companions in step."""

    field: EncryptedTextField

    def __get__(self, instance: Model | None, cls: type[Model] | None = None) -> Any:  # noqa: ANN401 - Django's protocol
        if instance is None:
            return self
        content = super().__get__(instance, cls)
        if isinstance(content, Secret):
            return Sealed(binding=self.field.binding_of(instance), plain=content)
        if isinstance(content, bytes):
            return Sealed(binding=self.field.binding_of(instance), token=content)
        return content

    def __set__(self, instance: Model, value: object) -> None:
        content = self._content(instance, value)
        instance.__dict__[self.field.attname] = content
        if isinstance(content, Secret):
            self.field.describe(instance, content)

    def _content(self, instance: Model, value: object) -> object:
        value = self.field.to_python(value)
        if not isinstance(value, Sealed):
            return value
        if value.binding and value.binding != self.field.binding_of(instance):
            raise FieldError("an encrypted value of another row was assigned; assign its reveal() instead")
        return value.content


class EncryptedTextField(fernet_fields.EncryptedTextField):  # type: ignore[misc] # the package is untyped
    """A text encrypted at rest and bound to its row. Assign a str or a Secret, read a `Sealed`.

    `hint_field` and `fingerprint_field` name columns that are kept in step with the value; declare those *before*
    this field, because a model's constructor fills its fields in order.
    """

    empty_strings_allowed = False
    descriptor_class = _SealedAttribute

    def __init__(self, *args: Any, hint_field: str = "", fingerprint_field: str = "", **kwargs: Any) -> None:  # noqa: ANN401
        self.hint_field = hint_field
        self.fingerprint_field = fingerprint_field
        super().__init__(*args, **kwargs)

    @property
    def fernet(self) -> MultiFernet:
        return wiring.keyring().fernet

    def binding_of(self, instance: Model) -> str:
        """The place a ciphertext belongs to; empty while the row has no primary key."""
        if instance.pk is None:
            return ""
        return f"{instance._meta.label_lower}.{self.attname}:{instance.pk}"  # noqa: SLF001 - public API by habit

    def describe(self, instance: Model, secret: Secret) -> None:
        """Write the companions of a new value."""
        for name, value in self.description_of(secret).items():
            setattr(instance, name, value)

    def description_of(self, secret: Secret) -> dict[str, str]:
        """What the companion columns say of a value, under the key in force."""
        described = {
            self.hint_field: credentials.hint(secret),
            self.fingerprint_field: wiring.keyring().fingerprint(secret),
        }
        return {name: value for name, value in described.items() if name}

    def to_python(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.startswith(_DUMP_MARK):
            return Sealed(token=value.removeprefix(_DUMP_MARK).encode())
        return Secret(value) if value else None

    def from_db_value(self, value: Any, *_: object) -> Sealed | None:  # noqa: ANN401 - whatever the driver gives
        return None if value is None else Sealed(token=bytes(value))

    def get_prep_value(self, value: object) -> object:
        # TextField would make a text of it, which hides the value and so destroys it.
        return value

    def get_db_prep_save(self, value: object, connection: BaseDatabaseWrapper) -> object:
        if value is None:
            return None
        if hasattr(value, "as_sql"):
            return self._checked_expression(value)
        if not isinstance(value, Sealed):
            raise FieldError(f"{self.name} can be written only through its row: set it there and save()")
        return _binary(value.sealed(), connection)

    def _checked_expression(self, expression: object) -> object:
        if isinstance(expression, Col) and expression.target is not self:
            raise FieldError(f"{self.name} cannot be filled from another column: it would be stored unencrypted")
        return expression

    def value_to_string(self, obj: Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else _DUMP_MARK + value.sealed().decode()


def _binary(token: bytes, connection: BaseDatabaseWrapper) -> object:
    driver: Any = connection
    return driver.Database.Binary(token)


@EncryptedTextField.register_lookup
class _TokenIs(_BytesLookup):
    """`api_key__token_is=<bytes>`: compares ciphertexts, for compare-and-set. Every lookup of values is refused."""

    lookup_name = "token_is"

    def get_prep_lookup(self) -> object:
        return self.rhs

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:  # noqa: ANN401
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = %s", [*parameters, _binary(self.rhs, connection)]
