"""One judge() for each rule set, in a file named after its document."""
