"""The path of the sound: a filterbank's evidence, sharpened by the network into frames."""
