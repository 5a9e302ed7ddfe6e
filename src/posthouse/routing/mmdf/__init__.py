"""Where an address goes, by an mmdftailor and its tables: the engine."""
