"""Own drawings of decorated products: shapes → sheet of ornament → product → picture."""
