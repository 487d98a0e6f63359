"""What a run comes to in a few figures: the names that the gate can require, and what each is."""

from __future__ import annotations

#: Of each figure what it is, and what it takes for a run to have it.
RESULTS: dict[str, tuple[str, str]] = {
    "surface_accuracy": (
        "training pairs that a model which never reads the answers gets right, out of fold, as they are published "
        "(with the balance's weights)",
        "it takes shortcuts.find, and 400 training pairs of 10 groups",
    ),
    "surface_accuracy_raw": ("the same before balance", "it takes what surface_accuracy takes"),
    "surface_accuracy_trees": ("surface_accuracy of boosted trees", "it takes what surface_accuracy takes"),
    "surface_accuracy_trees_raw": ("the same before balance", "it takes what surface_accuracy takes"),
    "balance_ess": ("effective share of the training pairs that balance leaves", "it takes balance.output"),
    "alpha": (
        "Krippendorff's alpha (nominal of pairs, else interval), the lowest of all sources, kinds and dimensions",
        "it takes rows that several raters judged, and raters.consensus other than off",
    ),
    "noise_rate": (
        "single judgements that name the wrong side",
        "it takes strength.find, and votes of several raters, trusted relabels or strength.noise_rate",
    ),
    "noise_rate_high": ("the upper end of what that share may be", "it takes strength.find, and enough pairs to fit"),
    "detector_accuracy": ("recorded sides that the out-of-fold detectors take", "it takes what noise_rate_high takes"),
    "rating_alpha": (
        "Krippendorff's alpha (interval) of raters made comparable, the lowest of all sources and dimensions",
        "it takes ratings of several raters, and ratings.find",
    ),
    "rating_wrong_share": (
        "ratings that are probably wrong, the highest share of all sources and dimensions",
        "it takes ratings, and ratings.find",
    ),
    "steps_contradicted": (
        "solutions that are right or wrong depending on how their steps are put together",
        "it takes solutions in steps",
    ),
    "ablation_less_raw": (
        "what all of curation adds to the accuracy of a small reward head",
        "it takes `trenchcoat ablate` with this configuration and --out, and `trenchcoat validate` then",
    ),
    "ablation_less_raw_low": ("the lower end of its 95 % interval", "it takes what ablation_less_raw takes"),
    "ablation_less_random": ("the same, less as many pairs dropped by chance", "it takes what ablation_less_raw takes"),
    "ablation_less_random_low": ("the lower end of its 95 % interval", "it takes what ablation_less_raw takes"),
}
#: Figures there is one of for each voice of the user's own: how often it takes the recorded side.
VOICE = "accuracy_"
VOICE_MEANS = "recorded sides that this voice of the user's own takes, of the pairs that it scored"
VOICE_TAKES = "it takes strength.find, enough pairs to fit, and pairs that it scored"
#: Figures with parts of their own: NAME/SOURCE/KIND/DIMENSION or NAME/SOURCE/DIMENSION, of which NAME is the worst.
PARTED = ("alpha", "rating_alpha", "rating_wrong_share")
#: Reports of other commands, whose figures are named by their paths, and what these begin with.
REPORTS = {"evaluation": ("pairs", "ratings", "rankings"), "ablation": ("arms", "proxies", "rows")}
