"""Sidecars of what judgements, models and clusters say of rows, and the tables of raters and ratings."""

from __future__ import annotations

from schemas.tables.table import Columns, Table, field, number, share, truth, whole

_LOGITS = "any, in logits"
#: One rated row and dimension.
RATED: Columns = {
    "dimension": field("What was rated."),
    "raters": whole("How many judgements.", "1 or more"),
    "mean": number("Of the values as they are.", "the scale"),
    "score": number("Put together by how precise each rater is, after they were made comparable.", "the scale"),
    "stderr": number("Its standard error.", "0 or more"),
    "predicted": number("What the text leads to expect, out of fold.", "the scale"),
    "p_error": share("How much of what makes the score is probably wrong."),
    "p_worst": share("How probably the most doubtful of its values is wrong."),
    "p_ambiguous": share("How divided its raters are."),
}
_HABITS: Columns = {
    "care": number("Bradley-Terry: how sharply the rater tells sides apart.", "0 or more"),
    "pull_of_place": number("Bradley-Terry: how far the first place draws them.", _LOGITS),
    "liking_for_ties": number("Bradley-Terry: how readily they call a tie."),
}
RATERS: Columns = {
    "source": field("The source's name."),
    "kind": field("Of rows.", range="pair, rating, ranking, stepwise"),
    "dimension": field("What was judged."),
    "rater": field("A pseudonym; null for all without a name."),
    "votes": whole("How many things they judged (without a name: how many judgements there are)."),
    "shared": whole("How many of them others judged too."),
    "agreement": share("The share of the others' answers there that are theirs."),
    "reliability": number("Pairs: expected share of right votes; else correlation with the others' mean.", "-1 to 1"),
    "side_reliability": share("Pairs: of votes for a side, where one is better, those for it; chance is 0.5."),
    "worse_than_chance": truth("Whether either is below chance beyond doubt (1 in 100)."),
    "first_share": share("Pairs: of votes for a side, those for the first."),
    "position_bias": number("That, less what others chose there.", "-1 to 1"),
    "always_one_place": truth("Whether every vote is for the same place."),
    "modal_share": share("Of the rater's commonest value."),
    "straight_lines": share("Of rows with several dimensions, those with one value on all."),
    "repeats": whole("How many things they judged again."),
    "consistency": share("How far their answers were the same then."),
    "mean": number("Of their ratings.", "the scale"),
    "sd": number("Standard deviation of their ratings.", "0 or more"),
    "copy_of": field("Whose answers theirs are, where every one is the same."),
    "copied": whole("How many."),
    **_HABITS,
}
RATER_PAIRS: Columns = {
    "source": field("The source's name."),
    "kind": field("Of rows.", range="pair, rating, ranking, stepwise"),
    "dimension": field("What was judged."),
    "rater_a": field("A rater."),
    "rater_b": field("Another."),
    "shared": whole("How many things both judged.", "1 or more"),
    "agreement": share("How often their answers are the same."),
    "identical": share("The share of their answers that are the same value exactly."),
    "kappa": number("Cohen's weighted kappa.", "-1 to 1"),
}
TABLES: tuple[Table, ...] = (
    Table(
        "work/consensus-KEY/N.parquet",
        "consensus",
        "What a pair's raters say together.",
        {
            "consensus": field(
                "One object a dimension. `method`; `soft_label`, the preference for the row's `responses[0]`, null "
                "where all votes were left out; `tied`, the probability of a tie that is part of it; `uncertainty`, "
                "the probability that another label is right; `raters`, how many voices; `agreement`, the share of "
                "them for the label; `opposed`, whether votes were cast for both sides; `left_out`, how many votes of "
                "raters worse than chance; `reliability`, the lowest of theirs; `component`, responses in the cycle "
                "(0: none); `reversal`, whether the row is one of the fewest to turn round; `onward`, the row that "
                "leads on from the loser.",
                "list of object",
            )
        },
    ),
    Table(
        "work/trusted-KEY/N.parquet",
        "trusted",
        "What trusted raters, and people asked again, said of a pair.",
        {
            "trusted": share("Their preference for `responses[0]`."),
            "unsure": truth("Whether all who were asked could not tell."),
            "chance": share("With what chance the row was drawn to be asked."),
        },
    ),
    Table(
        "work/margins-KEY/N.parquet",
        "external",
        "Margins of your own reward models, and of scores in the data, as they are.",
        {"*": number("For `responses[0]`; one column for each name under `external`.")},
    ),
    Table(
        "work/external-KEY/N.parquet",
        "external",
        "The same, and together.",
        {
            "external_*": number("One voice's margin for `responses[0]`."),
            "external_mu": number("Mean of the voices, each over its root mean square in the run."),
            "external_sigma": number("Their deviation; null where there is one voice.", "0 or more"),
        },
    ),
    Table(
        "work/strength-KEY/N.parquet",
        "strength",
        "How strongly a pair is as labelled; out of fold by group. Null for other kinds, and for copies.",
        {
            "strength_mu": number("Mean margin of the heads for `responses[0]`.", _LOGITS),
            "strength_sigma": number("Standard deviation over the heads.", "0 or more"),
            "strength_surface": number("Margin of a head that only counts (lengths, lists, …).", _LOGITS),
            "strength_residual": number("`strength_mu` less what surface features explain of it.", _LOGITS),
            "strength_logit": number(
                "All detectors together: log-odds that `responses[0]` is the better one.", _LOGITS
            ),
            "strength_bin": field(
                "Where the pair stands among those of its source.",
                range="incorrect, doubtful, ambiguous, normal, strong",
            ),
            "strength_limit": number("What a margin to train with is cut at, for its source.", _LOGITS),
            "neighbours_agree": number("What similar comparisons of other groups say of `responses[0]`.", "-1 to 1"),
            "p_error": share("Probability that the recorded label is wrong."),
            "p_ambiguous": share("Probability that the sides cannot be told apart."),
            "counterexample": share(
                "Probability of the side that the label is not for, by surface features alone; 0 where these do not "
                "surely name more than 55 % of the recorded labels. Over 0.5 the pair is a counterexample to them."
            ),
            "confidence": share("Mean over epochs of the probability of the recorded label."),
            "variability": number("Its standard deviation over epochs.", "0 or more"),
            "aum": number("Mean margin of the recorded label over epochs.", _LOGITS),
        },
    ),
    Table(
        "work/probes-KEY/N.parquet",
        "probes",
        "What a pair's preference expresses, by probes fitted on ratings.",
        {
            "probe_delta_*": number("The first response's rating less the second's, on one dimension.", "-1 to 1"),
            "probe_distance": number("Of the response farther from everything that was rated.", "0 or more"),
            "probe_outlier": share("The share of the rated that lie nearer than it."),
        },
    ),
    Table(
        "work/slices-KEY/N.parquet",
        "slices",
        "Which slices with more wrong labels, or more disagreement, the row is in.",
        {
            "slices": field("Their numbers.", "list of whole number"),
            "slice_id": whole("The first of them."),
            "slice_rate": share("Its rate."),
            "slice_elsewhere": share("The rate of all rows."),
        },
    ),
    Table(
        "work/attributes-KEY/N.parquet",
        "attributes",
        "The attributes of a row's prompt, nearest first.",
        {
            "domains": field("Two.", "list of text"),
            "skills": field("Two.", "list of text"),
        },
    ),
    Table(
        "work/ratings-KEY/N.parquet",
        "ratings",
        "What is known of a rated row, over its dimensions or on the one that policy names.",
        {
            "rating_error": share("Mean `p_error`."),
            "rating_ambiguous": share("Mean `p_ambiguous`."),
            "ratings": field("One object a dimension, with the columns of `ratings.parquet`.", "list of object"),
        },
    ),
    Table(
        "ratings.parquet",
        "ratings",
        "Every rated row and dimension.",
        {
            "row_id": field("The row's name."),
            "content_id": field("Hash of its content.", range="hex"),
            "source": field("The source's name."),
            **RATED,
        },
    ),
    Table("{raters.parquet,work/raters-KEY/raters.parquet}", "raters", "Every rater, by source and dimension.", RATERS),
    Table(
        "{rater_pairs.parquet,work/raters-KEY/pairs.parquet}",
        "raters",
        "Every two raters who judged the same.",
        RATER_PAIRS,
    ),
    Table(
        "work/raters-KEY/model.parquet",
        "raters",
        "What consensus is made with: a line a rater, one with a null rater for the average one.",
        {
            "source": field("The source's name."),
            "dimension": field("What was judged."),
            "rater": field("A pseudonym; null for the average one."),
            "method": field("What makes the label.", range="mean, majority, dawid_skene, bradley_terry"),
            "ties": share("Of labels that are ties."),
            "right": share("Chance of a vote for the better side, where there is one."),
            "tie": share("Chance of a tie there."),
            "wrong": share("Chance of a vote for the worse side."),
            "tied": share("Chance of a tie where the sides are even."),
            **_HABITS,
            "reliability": share("Expected share of right votes."),
            "left_out": truth("Whether their votes do not count."),
        },
    ),
    Table(
        "work/raters-KEY/copies.parquet",
        "raters",
        "Raters whose answers are another's, each one.",
        {
            "source": field("The source's name."),
            "kind": field("Of rows.", range="pair, rating, ranking, stepwise"),
            "dimension": field("What was judged."),
            "batch": whole("Hash of what both judged.", "64 bits"),
            "rater": field("A rater."),
            "copy_of": field("Whose answers theirs are."),
            "shared": whole("How many.", "1 or more"),
        },
    ),
    Table(
        "work/surface-KEY/N.parquet",
        "surface",
        "What can be counted in each response without understanding it; lists have a number a response.",
        {
            **{
                name: field(f"How many {words}.", "list of number", "0 or more")
                for name, words in {
                    "characters": "characters",
                    "words": "words",
                    "sentences": "ends of sentences",
                    "paragraphs": "paragraphs",
                    "lines": "lines with text",
                    "list_items": "list items",
                    "headings": "Markdown headings",
                    "bold": "bold passages",
                    "code_blocks": "fences of code",
                    "code_spans": "code spans",
                    "table_rows": "rows of tables",
                    "links": "links",
                    "digits": "digits",
                    "capitals": "capital letters",
                    "punctuation": "commas, semicolons, dashes, …",
                    "quotes": "quotation marks",
                    "emoji": "emoji",
                    "exclamations": "exclamation marks",
                    "questions": "question marks",
                    "hedges": "hedging words (maybe, perhaps, …)",
                    "refusals": "refusals",
                    "apologies": "apologies",
                    "first_person": "words of the first person",
                    "second_person": "words of the second person",
                    "connectives": "connectives",
                    "syllables": "syllables",
                }.items()
            },
            "sycophantic_opening": field("Whether it opens with praise.", "list of number", "0 or 1"),
            "type_token_ratio": field("Distinct words over the root of words.", "list of number", "0 or more"),
            "readability": field("Flesch's reading ease, of English.", "list of number", "-100 to 150"),
            "word_length": field("Mean characters of a word.", "list of number", "0 to 50"),
            "prompt_overlap": field("Share of its distinct words that the prompt has.", "list of number", "0 to 1"),
            "prompt_copied": field("Whether it opens with the whole prompt.", "list of number", "0 or 1"),
        },
    ),
)
