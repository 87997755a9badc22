"""What of Streamlit has no public name: in this module and nowhere else."""

from streamlit.runtime.scriptrunner import get_script_run_ctx


def forget_replaced(key: str) -> None:
    """Free what the drop zone of that key held before; Streamlit would with the next run only."""
    if context := get_script_run_ctx():
        state = context.session_state._state
        state._old_state.pop(state._get_widget_id(key), None)
