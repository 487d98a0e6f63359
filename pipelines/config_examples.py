"""An example of each section of the configuration, as the page docs/configuration.md shows it."""

from __future__ import annotations

#: YAML by section; the empty name is for the keys of the whole. A test validates each.
EXAMPLES: dict[str, str] = {
    "": """
name: helpfulness-2              # names the dataset and its card
against: [runs/helpfulness-1]    # what that run published is not published again
""",
    "sources": """
sources:
  - name: hh
    input: ["data/hh/**/*.jsonl.gz"]       # globs in quotes; s3://…, hf://datasets/org/name
    format: hh                             # or leave it out: auto
    licence: mit                           # goes into the card
  - name: votes
    input: [data/votes.csv]
    format: mapping                        # no format by name: say which field is what
    mapping:
      kind: pair
      prompt: question
      responses: [answer_a, answer_b]
      label: {field: winner, values: {a: 1, b: 0, tie: 0.5}}
      rater: judge
""",
    "derive": """
derive:
  - make: pairs_from_rankings
  - make: pairs_from_ratings
    raters: normalised           # z-scores make the ratings of different people comparable
    minimum_gap: 1               # less than one standard deviation apart is a tie
""",
    "signals": """
signals:
  length: {tokenizer: models/llama, max_tokens: 4096}    # longer sides are `too_long`
""",
    "duplicates": """
duplicates:
  threshold: 0.8                 # less is dropped as a near-copy than with 0.7
  template_share: 0.05           # a preamble that many prompts have is still compared
""",
    "contamination": """
contamination:
  benchmarks:
    - {name: alpaca_eval, input: [bench/annotations.json]}
    - {name: ours, input: [bench/questions.csv], fields: [question]}
    - {name: list, input: [bench/prompts.txt], format: text}
""",
    "embed": """
embed:
  model: transformer             # slower than the default by a hundred times on a CPU, and better
  device: cuda
  cache: cache/vectors           # runs share what is embedded
""",
    "semantic": """
semantic:
  threshold: 0.97                # reported from here on; policy.semantic_duplicate: drop acts on it
policy:
  semantic_duplicate: review
""",
    "raters": """
raters:
  consensus: dawid_skene         # instead of what `auto` takes
  worse_than_chance: keep
""",
    "ratings": """
ratings:
  raters: mixed                  # take off what each rater gives more than others do to the same
policy:
  misrated: review
""",
    "external": """
external:
  models:
    - {name: rm, base: models/reward, max_tokens: 2048}
  scores:
    - {name: judge, fields: [scores.a, scores.b]}    # in the records already
""",
    "probes": """
probes:
  dimensions: [helpfulness, correctness]
  ratings:
    - {name: rated, input: [data/rated.jsonl], format: helpsteer}
""",
    "strength": """
strength:
  noise_rate: 0.15               # known from a relabelled sample of your own; else it is read off the votes
""",
    "slices": """
slices:
  smallest: 100
policy:
  error_slice: review
""",
    "attributes": """
attributes:
  find: true
  domains: 8
""",
    "policy": """
policy:
  recipe: drop-only
  mislabelled_at: 0.8            # stricter than the recipe's 0.7: a key that is given wins
  pii: mask
""",
    "split": """
split:
  fractions: {train: 0.8, test: 0.2}
  seed: 7
""",
    "shortcuts": """
shortcuts:
  features:
    exclaims: text.str.count_matches("!!")
""",
    "balance": """
balance:
  output: weights                # a weight for each pair, in `preference_soft`
  within: source
""",
    "publish": """
publish:
  configurations: [preference, preference_soft]
  title: Helpfulness, curated
""",
    "gate": """
gate:
  max_dead_letters: 0.01
  expectations:
    - type: expect_column_values_to_be_between
      on: metrics
      kwargs: {column: kept, min_value: 10000}
""",
}
