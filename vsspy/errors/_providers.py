"""Failures of providers."""

from __future__ import annotations

from ._base import VssError


class ProviderError(VssError):
    """A failure of, or around, the provider that makes the shadow copies."""

    hint = "Look for the provider's own messages in the event log."


class ProviderAlreadyRegisteredError(ProviderError, codes=("VSS_E_PROVIDER_ALREADY_REGISTERED",)):
    """A provider with that id is registered."""

    hint = "Nothing has to be done to use it; to replace it, unregister it first."


class ProviderNotRegisteredError(ProviderError, codes=("VSS_E_PROVIDER_NOT_REGISTERED",)):
    """No provider with that id is registered."""

    hint = "Query the object type PROVIDER for those that are, or pass no provider id and let VSS choose."


class ProviderInUseError(ProviderError, codes=("VSS_E_PROVIDER_IN_USE",)):
    """The provider is busy."""

    hint = "Wait until its shadow copies are done."
    retryable = True


class ProviderVetoError(ProviderError, codes=("VSS_E_PROVIDER_VETO",)):
    """The provider refused, or failed in a way that it logged itself."""

    hint = (
        "The provider has logged the reason in the event log. Try again in ten minutes, three times at most; no retry "
        "helps where a software provider is asked to break a set, which only hardware providers can."
    )
    retryable = True


class UnexpectedProviderError(ProviderError, codes=("VSS_E_UNEXPECTED_PROVIDER_ERROR",)):
    """The provider answered with an error that VSS did not expect."""

    hint = "Look for the provider's own messages in the event log. Try again in ten minutes, three times at most."
    retryable = True


class VolumeNotSupportedByProviderError(ProviderError, codes=("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER",)):
    """The chosen provider cannot make a shadow copy of the volume."""

    hint = "Pass no provider id and let VSS choose one."


class LegacyProviderError(ProviderError, codes=("VSS_E_LEGACY_PROVIDER",)):
    """The hardware provider is older than this feature."""

    hint = "Update the hardware provider."
