"""Whether a visitor is the administrator, by the password from the secrets."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.login import LOGIN, digest, environment_password

SECRET = "admin_password"


def password() -> str:
    """The password that whoever runs the server has chosen; "" where there is none."""
    chosen = environment_password()
    if not chosen and st.secrets.load_if_toml_exists():
        chosen = str(st.secrets.get(SECRET, "")).strip()
    return chosen


def is_admin() -> bool:
    """Whether this session has given the password that counts now; asks for it where it has not."""
    right = password()
    if right and keys.ADMIN_PASSWORD.value == digest(right):
        return True
    with st.form("admin-form", width=360):
        tried = st.text_input("Password", type="password")
        if not st.form_submit_button("Open"):
            return False
    if LOGIN.verify(tried, right):
        keys.ADMIN_PASSWORD.value = digest(right)
        st.rerun()
    seconds = LOGIN.wait()
    again = f" The next try counts in {seconds:.0f} s." if seconds >= 1 else ""
    st.error(f"That is not the password.{again}", icon=":material/lock:")
    return False
