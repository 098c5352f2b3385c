"""Evidence about a message's origin and nature, and one result with its reasons. Never stores or moves mail."""
