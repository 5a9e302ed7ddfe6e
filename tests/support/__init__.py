"""What several tests share: peers, sites, spools, clocks."""
