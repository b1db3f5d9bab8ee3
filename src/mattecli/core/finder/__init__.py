"""What a finder finds for a model: the part of a picture with the subject, and a person beside the one it found."""
