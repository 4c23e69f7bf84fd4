"""The designs this project is held against: written as a competent team would first write them."""
