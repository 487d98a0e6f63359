"""Data that would do something if a page let them."""

from __future__ import annotations

import re

SCRIPT = "<script>alert(1)</script>"
EVENT = '"><img src=https://evil.example/x.png onerror="alert(1)">'
HOSTILE = (
    SCRIPT,
    EVENT,
    "</pre></article></main><iframe srcdoc='<script>alert(2)</script>'></iframe>",
    "</style><style>@import url(https://evil.example/a.css)</style>",
    "[click](javascript:alert(1)) ![x](https://evil.example/y.png) **bold**",
    "{{ 7 * 7 }} {% raw %} ${7*7} <!-- --> ]]> &lt;script&gt;",
    "\u202eevil\u2066 \x1b[31mred\x1b[0m \x00 \x07 \ufeff",
    "<a href='javascript:alert(1)'>x</a><svg onload=alert(1)><foreignObject/></svg>",
)


def rows() -> list[dict]:
    out = []
    for i in range(40):
        text = HOSTILE[i % len(HOSTILE)]
        out.append(
            {
                "prompt": f"{i} {text}",
                "a": f"first {i} {text}",
                "b": f"second {i} {text}",
                "w": "a",
                "who": text,
                "scores": [i % 3, 1],
            }
        )
    out += [out[0], {**out[1], "w": "b"}]  # a copy, and one that contradicts
    out += [{"prompt": SCRIPT, "a": EVENT, "b": EVENT, "w": "a", "who": "x"}]  # identical sides
    out += [{"prompt": EVENT, "a": "", "b": SCRIPT, "w": "a", "who": "x"}]  # an empty side
    out += [{"prompt": SCRIPT, "a": EVENT, "b": SCRIPT, "w": SCRIPT, "who": "x"}]  # a dead letter
    out += [{"prompt": "long", "a": "<i>" * 3_400_000, "b": "&" * 100, "w": "a", "who": "x"}]  # 10 MB in one line
    return out


def ratings() -> list[dict]:
    """Texts by hostile systems, rated by hostile raters."""
    return [
        {"ask": f"{i} {text}", "say": f"{text} {i}", "score": (i * 7 + rater) % 5, "who": f"{rater} {text}", "by": text}
        for i in range(9)
        for text in [HOSTILE[i % len(HOSTILE)]]
        for rater in range(3)
    ]


def walks() -> list[dict]:
    """Trajectories with hostile names and images, whose values fall once."""
    return [
        {"trajectory_id": f"{i} {text}", "instruction": f"{i} {text}", "progress": [0.0, 0.5, 0.3, 0.8],
         "frames": [{"uri": f"{i} {frame} {text}"} for frame in range(4)]}
        for i, text in enumerate(HOSTILE)
    ]  # fmt: skip


def pictures() -> list[dict]:
    """Pairs of images that nobody can open, for where they are said to be."""
    return [
        {
            "prompt": f"draw {text}",
            "image_0": f"{text}.png",
            "image_1": f"other {text}.png",
            "preference": 1,
        }
        for text in HOSTILE
    ]


def solutions() -> list[dict]:
    """Solutions whose steps are hostile, each with a mistake in the middle."""
    steps = [" ".join(f"Step {number}: {text} {sign}" for number, sign in enumerate("+-+", 1)) for text in HOSTILE]
    return [{"input": re.sub(r" [+-](?= Step|$)", " ки", one), "label": one, "task": SCRIPT} for one in steps]


CONFIG = """
name: hostile
sources:
  - name: source
    input: ["{input}"]
    format: mapping
    licence: "<img src=x onerror=alert(1)>"
    pseudonymise: false
    mapping:
      kind: pair
      prompt: prompt
      responses: [a, b]
      generators: [who, who]
      rater: who
      dimension: "<script>alert('dimension')</script>"
      label: {{field: w, values: {{a: 1, b: 0}}}}
      response_scores: {{judge: scores}}
  - name: rated
    input: ["{ratings}"]
    format: mapping
    pseudonymise: false
    mapping:
      kind: rating
      prompt: ask
      responses: [say]
      generators: [by]
      rater: who
      scores: [{{field: score, minimum: 0, maximum: 4, dimension: "<script>alert('scale')</script>"}}]
  - {{name: solved, input: ["{solutions}"], format: math_shepherd}}
  - {{name: walked, input: ["{walks}"], format: trajectory, options: {{expert: true}}}}
  - {{name: shown, input: ["{pictures}"], format: image_preference}}
images: {{near: true}}
contamination:
  benchmarks:
    - {{name: bench, input: "{bench}", format: text}}
embed: {{model: "off"}}
strength: {{find: false}}
split: {{fractions: {{train: 0.9, test: 0.1}}}}
gate: {{max_dead_letters: 0.5, split_tolerance: 1}}
"""
