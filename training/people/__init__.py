"""Renders people with exact alpha: `python -m training people`, in an environment of its own (see training/README.md).

What lies here needs Blender as a Python module (bpy, GPL-3) and anny. Nothing imports it but itself: training/render.py starts it as a
process of that environment, and nothing of it is part of the package.
"""
