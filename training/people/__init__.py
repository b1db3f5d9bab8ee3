"""Renders people with exact alpha: `python -m training people`, in an environment of its own (see training/README.md).

It needs Blender as a Python module (bpy, GPL-3) and anny. No other module imports it: training/render.py starts it as a process of that
environment, and it is not part of the package.
"""
