"""The Python door: what `import mattecli` offers. The command line, the batch engine and the server go through it, too."""
