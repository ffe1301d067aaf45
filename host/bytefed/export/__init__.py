"""The head of a run, for use without bytefed: an .npz file, a Keras layer, a .tflite classifier, a C++ header."""
