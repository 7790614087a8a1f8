"""Show one person a page of their own, which a signed link opens."""
