"""What joins the package with others, for those who want it; each module stands alone."""
