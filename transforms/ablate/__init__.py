"""Does curation help? One small head trained on what each part of it leaves, judged on rows that no part has seen."""
