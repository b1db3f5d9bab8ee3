"""The Python API: everything that `import mattecli` offers. The command line, the batch engine and the server use it, too."""
