"""A dressed person in Blender: meshes, strands, materials, light, camera, and the two passes of Cycles that are rendered."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector as BlenderVector
from numpy.typing import NDArray

from training.people.body import Body, Faces, Template
from training.people.shell import STRAND, Points

Colour = NDArray[np.float64]

SKINS = ("f3d6c6", "e2b79a", "c8926b", "94613e", "573524", "3f271c")
HAIRS = ("0a0806", "1c1009", "33200f", "5c3f20", "96713e", "7a2f12", "8f8b86", "d8d4cc")
FABRICS = ("17171b", "2b2f3a", "24324f", "4a5a78", "f0eee8", "7c2a2e", "35513c", "8c7b62", "6d6f73", "c98a9a", "3c7c8c", "d8c14a", "59406e")


def linear(text: str) -> Colour:
    """The linear colour of six hexadecimal digits of sRGB."""
    encoded = np.array([int(text[place : place + 2], 16) for place in (0, 2, 4)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def empty_scene(size: int, threads: int) -> Any:
    """A new scene of Cycles on the processor, which renders floats of linear light on a transparent background."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.film_transparent = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "OPEN_EXR", "32"
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = "Raw"
    scene.cycles.max_bounces, scene.cycles.diffuse_bounces, scene.cycles.glossy_bounces = 4, 2, 2
    scene.cycles_curves.shape = "RIBBONS"
    return scene


def add_mesh(name: str, points: Points, faces: Faces, material: Any, rest: Points, levels: int = 1) -> None:
    """A mesh; levels: of subdivision. rest: its points at rest, the coordinates of its material's patterns."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces)
    mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT").data.foreach_set("vector", rest.astype(np.float32).ravel())
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    mesh.materials.append(material)
    mesh.update()
    thing = _linked(name, mesh)
    divided = thing.modifiers.new("divided", "SUBSURF")
    divided.levels = divided.render_levels = levels


def add_strands(name: str, strands: Points, thickness: float, material: Any) -> None:
    """Strands of hair [N, STRAND, 3] that end in points; thickness in metres."""
    hair = bpy.data.hair_curves.new(name)
    hair.add_curves([STRAND] * len(strands))
    hair.attributes["position"].data.foreach_set("vector", strands.astype(np.float32).ravel())
    radii = np.tile(np.linspace(1, 0.25, STRAND) * thickness / 2, len(strands))
    known = hair.attributes.get("radius") or hair.attributes.new("radius", "FLOAT", "POINT")
    known.data.foreach_set("value", radii.astype(np.float32))
    hair.materials.append(material)
    _linked(name, hair)


def _linked(name: str, data: Any) -> Any:
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def material(
    name: str, colour: Colour, roughness: float, *, other: Colour | None = None, scale: float = 12.0, pattern: str = "Noise"
) -> Any:
    """A surface; other: a second colour, laid over it as a texture of Blender's (Noise, Wave, Checker, Voronoi) in places at rest."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    surface = nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*colour, 1)
    surface.inputs["Roughness"].default_value = roughness
    if other is None:
        return made
    rest = nodes.new("ShaderNodeAttribute")
    rest.attribute_name = "rest"
    texture, mix = nodes.new(f"ShaderNodeTex{pattern}"), nodes.new("ShaderNodeMix")
    texture.inputs["Scale"].default_value = scale
    links.new(rest.outputs["Vector"], texture.inputs["Vector"])
    mix.data_type = "RGBA"
    links.new(texture.outputs["Distance" if pattern == "Voronoi" else "Fac"], mix.inputs[0])
    mix.inputs[6].default_value, mix.inputs[7].default_value = (*colour, 1), (*other, 1)
    links.new(mix.outputs[2], surface.inputs["Base Color"])
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.4, 0.01
    folds = nodes.new("ShaderNodeTexNoise")
    folds.inputs["Scale"].default_value = 9.0
    links.new(rest.outputs["Vector"], folds.inputs["Vector"])
    links.new(folds.outputs["Fac"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], surface.inputs["Normal"])
    return made


def fabric(rng: np.random.Generator, name: str) -> Any:
    """A random material of a garment."""
    one, two = (linear(str(rng.choice(FABRICS))) * rng.uniform(0.7, 1.1) for _ in range(2))
    pattern = str(rng.choice(("Noise", "Wave", "Checker", "Voronoi"), p=(0.6, 0.2, 0.1, 0.1)))
    other = one * 0.75 if pattern == "Noise" else two
    return material(name, one, rng.uniform(0.6, 0.95), other=other, scale=rng.uniform(6, 24), pattern=pattern)


def skin(rng: np.random.Generator, body: Body) -> Any:
    """The material of a body's skin, by its heritage."""
    african, asian, european = body.heritage
    tone = african * rng.uniform(2.6, 5) + asian * rng.uniform(0.7, 2.4) + european * rng.uniform(0, 1.8)
    place = min(int(tone), len(SKINS) - 2)
    colour = linear(SKINS[place]) * (1 - tone + place) + linear(SKINS[place + 1]) * (tone - place)
    made = material("skin", colour, rng.uniform(0.4, 0.6), other=colour * [0.92, 0.8, 0.76], scale=14)
    surface = made.node_tree.nodes["Principled BSDF"]
    surface.inputs["Subsurface Weight"].default_value, surface.inputs["Subsurface Scale"].default_value = 0.12, 0.006
    return made


def hair_colour(rng: np.random.Generator, body: Body) -> Colour:
    """A random hair colour; grey is likelier with age."""
    dark = max(body.heritage[:2]) > 0.5
    shares = np.array((0.35, 0.3, 0.2, 0.03, 0.02, 0.01, 0.06, 0.03) if dark else (0.1, 0.2, 0.25, 0.17, 0.13, 0.05, 0.07, 0.03))
    shares[6:] *= 8 if body.age > 0.8 else 1
    return linear(str(rng.choice(HAIRS, p=shares / shares.sum()))) * rng.uniform(0.8, 1.2)


def add_eyes(body: Body, template: Template) -> None:
    """Add both eyes: white, with a dark front."""
    for side in "lr":
        faces = template.parts[f"helper-{side}-eye"]
        ahead = template.points[:, 2]
        front = [face for face in faces if ahead[face].mean() > 1.355]
        for name, colour, part in (("white", (0.7, 0.68, 0.65), faces), ("iris", (0.03, 0.02, 0.015), front)):
            places = np.unique(np.concatenate(part))
            new = {int(place): number for number, place in enumerate(places)}
            points = body.posed[places]
            points = points + (points - points.mean(0)) * (0.0 if name == "white" else 0.002)
            cut = [[new[corner] for corner in face] for face in part]
            add_mesh(f"{name} {side}", points, cut, material(f"{name} {side}", np.array(colour), 0.2), body.rest[places])


def add_light(rng: np.random.Generator, scene: Any) -> float:
    """Add a sky and two lamps of random strength and size; returns the light that a white surface reflects."""
    warmth = rng.uniform(-0.15, 0.15)
    sky, sun = float(rng.uniform(0.2, 0.9)), float(np.exp(rng.uniform(np.log(0.5), np.log(5.0))))
    world = bpy.data.worlds.new("sky")
    scene.world, world.use_nodes = world, True
    ambient = world.node_tree.nodes["Background"]
    ambient.inputs["Color"].default_value, ambient.inputs["Strength"].default_value = (1 - warmth, 1, 1 + warmth, 1), sky
    for strength in (sun, sun * rng.uniform(0, 0.4)):
        lamp = bpy.data.lights.new("sun", "SUN")
        lamp.energy, lamp.angle, lamp.color = strength, rng.uniform(0.01, 0.8), (1 + warmth, 1, 1 - warmth)
        _linked("sun", lamp).rotation_euler = (rng.uniform(0.2, 1.25), 0, rng.uniform(0, 2 * np.pi))
    return sky + 0.7 * sun / np.pi


def add_camera(rng: np.random.Generator, scene: Any, points: Points) -> dict[str, float]:
    """Add a camera at a random distance, height and direction from points [N, 3], framed on all of them or without the legs."""
    distance, height = float(np.exp(rng.uniform(np.log(2.2), np.log(16)))), float(rng.uniform(0.3, 2.2) + (rng.random() < 0.2) * 2)
    around = float(rng.normal(0, 0.7) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi))
    place = np.array([distance * np.sin(around), -distance * np.cos(around), height])
    low, high = points.min(0), points.max(0)
    if rng.random() < 0.3:
        low = np.array([*low[:2], low[2] + rng.uniform(0.25, 0.5) * (high[2] - low[2])])
    shown = points[points[:, 2] >= low[2]]
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    turned = BlenderVector((low + high) / 2 - place).to_track_quat("-Z", "Y")
    camera.location, camera.rotation_euler = place, turned.to_euler()
    seen = (shown - place) @ np.array(turned.to_matrix())
    flat = seen[:, :2] / -seen[:, 2:]
    first, last = flat.min(0), flat.max(0)
    extent = float((last - first).max()) * rng.uniform(1.04, 1.3)
    camera.data.sensor_width, camera.data.lens = 36.0, 36.0 / extent
    camera.data.shift_x, camera.data.shift_y = ((first + last) / 2 / extent).tolist()
    return {"distance": round(distance, 2), "height": round(height, 2), "around": round(around, 2)}


def rendered_colours(scene: Any, samples: int, file: Path) -> NDArray[np.float32]:
    """Linear light times alpha, and alpha, [H, W, 4]."""
    scene.cycles.samples, scene.cycles.use_denoising = samples, True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    return _rendered(scene, file)


def rendered_alpha(scene: Any, samples: int, file: Path) -> NDArray[np.float32]:
    """The share of each pixel that the person covers, [H, W]: all surfaces emit the same light, and nothing is denoised."""
    white = bpy.data.materials.new("white")
    white.use_nodes = True
    nodes, links = white.node_tree.nodes, white.node_tree.links
    links.new(nodes.new("ShaderNodeEmission").outputs[0], nodes["Material Output"].inputs["Surface"])
    scene.view_layers[0].material_override, scene.world = white, None
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = samples, False, 0
    return _rendered(scene, file)[..., 3].clip(0, 1)


def _rendered(scene: Any, file: Path) -> NDArray[np.float32]:
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(str(file))
    picture.colorspace_settings.name = "Non-Color"
    width, height = picture.size
    values = np.empty(width * height * 4, np.float32)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    file.unlink()
    return values.reshape(height, width, 4)[::-1].copy()
