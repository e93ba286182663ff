"""Write a picture: SVG, a page, PNG, and the timeline files of cBioPortal."""
