"""The statements, each with what was asked, how it was measured, and the directions it claims."""
