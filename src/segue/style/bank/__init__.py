"""Style pictures that are drawn by code: a small bank of named styles without files, downloads or foreign rights."""
