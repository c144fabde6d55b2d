"""Very many targets, little said to each: which answer, and which of them speak DICOM. Nothing is kept for a target."""
