"""The network that people mean: by its name, a file of one, or a model that uses one."""

from pathlib import Path

from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.own_networks import keep_network
from decor_core.model.bundle import Bundle, is_bundle, load_bundle


def resolve_network(text: str) -> tuple[str, str]:
    """The name by which ``text`` is found from now on, and what was assumed of a file, if anything.

    DecorError where it cannot be used.
    """
    if text == DEFAULT:
        return text, ""
    if is_bundle(Path(text)):
        return network_of(load_bundle(Path(text))), ""
    from decor_core.features.own_files import find_network  # which is slow to import

    return find_network(text)


def network_of(bundle: Bundle) -> str:
    """The name of a model's network, which from now on finds one that the model carries, too."""
    if bundle.network:
        keep_network(bundle.network)
    return bundle.embedding.architecture
