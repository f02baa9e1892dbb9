"""Renders the plan of a trained network as a workbook in which every number between image and answer is a live formula."""
